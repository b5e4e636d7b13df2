"""qal evaluate attention MODEL AUDIO: where a model looks while it writes a text, for the heat map of the page."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydantic import BaseModel

from qal.audio.decode import decode
from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import WINDOW_SAMPLES, Samples
from qal.cli.engine_options import MODEL_HELP
from qal.cli.parsing import flag, parse_options, positional
from qal.engine.catalogue import resolve
from qal.engine.context import context_frames
from qal.engine.decoding import Tokenizer
from qal.engine.model_directory import read_metadata
from qal.engine.text_scores import MAX_SCORED_TOKENS
from qal.engine.words import SECONDS_PER_POSITION
from qal.errors import EvaluationError
from qal.evaluation.errors.attention import CrossAttention, write_attention


class AttentionOptions(BaseModel, frozen=True):
    model: str = positional(f"{MODEL_HELP}; not one that is stored as int8", "MODEL")
    audio: Path = positional("a recording of at most 30 s", "AUDIO")
    text: str = flag(..., "the text that is written or said", "TEXT")
    language: str = flag("en", "its language", "XX")
    out: Path = flag(Path("attention.npz"), "file to write", "FILE")


def main(arguments: Sequence[str]) -> None:
    about = "Computes the cross-attention of a model over a recording, with Transformers, and writes it to a file."
    options = parse_options("qal evaluate attention", about, AttentionOptions, arguments)
    write_attention(options.out, attention_of(options))
    print(options.out)


def attention_of(options: AttentionOptions) -> CrossAttention:
    """Computes the attention.

    Raises:
        ConversionError: the model is stored as int8.
        EvaluationError: the text is empty, or the recording is too long.
    """
    directory = resolve(options.model)
    samples = decode(options.audio)
    if len(samples) > WINDOW_SAMPLES:
        raise EvaluationError(f"{options.audio}: longer than 30 s; choose a shorter recording")
    tokenizer = Tokenizer(directory)
    ids = tokenizer.encode(options.text)[:MAX_SCORED_TOKENS] if options.text.strip() else []
    if not ids:
        raise EvaluationError("the text is empty; give the text that is written or said")
    frames = context_frames(len(samples), read_metadata(directory).context)
    weights = _attention_weights(directory, samples, frames, tokenizer.prompt(options.language), ids)
    return CrossAttention(token_texts(tokenizer, ids), weights, SECONDS_PER_POSITION)


def _attention_weights(
    directory: Path, samples: Samples, frames: int, prompt: Sequence[int], ids: Sequence[int]
) -> np.ndarray:
    """Returns the attention of each token, (tokens, frames // 2)."""
    import torch  # in this process alone, and only when it is needed

    from qal.export.from_ctranslate2 import to_transformers
    from qal.training.model.short_context import load_whisper
    from qal.training.report.attention import cross_attention

    with TemporaryDirectory(prefix="qal-attention-") as folder:
        model = load_whisper(to_transformers(directory, Path(folder, "weights")))
    mel = padded_log_mel(samples, frames, model.config.num_mel_bins)
    return cross_attention(model, torch.from_numpy(mel), prompt, ids).numpy()


def token_texts(tokenizer: Tokenizer, ids: Sequence[int]) -> tuple[str, ...]:
    """Returns each token as text; one that is a part of a character is "·"."""
    return tuple(tokenizer.decode([token]).replace("\ufffd", "") or "·" for token in ids)
