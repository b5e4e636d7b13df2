"""Times of the words of a given text in a recording, as for the words that the model itself recognises."""

from dataclasses import replace

import ctranslate2
import numpy as np

from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import HOP
from qal.engine.context import context_frames
from qal.engine.engine import MIN_ALIGNED_FRAMES, Engine, Utterance
from qal.engine.text_scores import MAX_SCORED_TOKENS
from qal.engine.word_sound import fit_to_sound
from qal.engine.words import Word, to_words


def align_text(engine: Engine, utterance: Utterance, text: str) -> tuple[Word, ...]:
    """Returns the words of a text with their times and probabilities; () for an empty text.

    Args:
        engine: the model, whose decoder is aligned.
        utterance: the recording, at most 30 s, with its language.
        text: what is said in it, or what was recognised; only its first 220 tokens are aligned.

    Raises:
        LanguageError: the model does not have the language.
    """
    tokenizer = engine.tokenizer
    language = utterance.language or "en"
    prompt = tokenizer.prompt(language, utterance.task)[:-1]
    ids = tokenizer.encode(text)[:MAX_SCORED_TOKENS] if text.strip() else []
    if not ids:
        return ()
    frames = context_frames(len(utterance.samples), engine.ability)
    mel = padded_log_mel(utterance.samples, frames, engine.n_mels)[None]
    encoded = engine.model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(mel)))
    speech_frames = max(MIN_ALIGNED_FRAMES, min(frames, len(utterance.samples) // HOP))
    (alignment,) = engine.model.align(encoded, prompt, [ids], [speech_frames])
    words = fit_to_sound(to_words(tokenizer.word_splitter(language), ids, alignment), utterance.samples)
    return tuple(replace(word, text=word.text.strip()) for word in words)
