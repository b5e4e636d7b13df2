"""Laws of the count of words that a model invents on sounds without words."""

import numpy as np

from qal.audio.gate import GateOptions
from qal.corpus.manifest import Corpus
from qal.evaluation.invented_words import count_direct_words, count_invented_words, speech_probability
from qal.evaluation.report import PerVariant, Retention
from qal.evaluation.retention import ModelVariants, RetentionLimits, failures, with_invented_words
from qal.evaluation.scoring import load_references
from qal.evaluation.wordless_sounds import SOUND_SAMPLES, wordless_sounds
from tests.fakes import ScriptedEngine, noise, transcript

SOUNDS = wordless_sounds([noise(16_000)], np.random.default_rng(0))
OPENING = [sound for sound in SOUNDS if speech_probability(sound) >= GateOptions().start_threshold]
LIMITS = RetentionLimits(wer=0.01)


def engine_that_writes(text: str, avg_logprob: float = -0.2) -> ScriptedEngine:
    return ScriptedEngine(script=[transcript(text, avg_logprob=avg_logprob) for _ in range(20 * len(SOUNDS))])


def test_laughter_humming_and_crowds_open_the_gate(english_corpus: Corpus):
    """Otherwise the count behind the screening could never rise."""
    voices = [r.samples for r in load_references(english_corpus, english_corpus.select("test")[:6])]
    sounds = wordless_sounds(voices, np.random.default_rng(0))
    assert all(len(sound) == SOUND_SAMPLES and np.isfinite(sound).all() for sound in sounds)
    opens = [speech_probability(sound) >= GateOptions().start_threshold for sound in sounds]
    assert opens[-5:] == [True] * 5
    assert not any(opens[:3])


def test_words_on_sounds_without_speech_are_counted_although_the_vad_would_drop_them():
    invented = count_invented_words(engine_that_writes("Thank you."), SOUNDS)
    assert invented.direct == 2 * len(SOUNDS)
    assert invented.screened == 2 * len(OPENING)
    assert count_direct_words(engine_that_writes("Thank you."), SOUNDS) == invented.direct


def test_marks_without_letters_are_no_invented_words():
    invented = count_invented_words(engine_that_writes("... ♪ Ah!"), SOUNDS)
    assert invented.direct == len(SOUNDS)
    assert invented.screened == len(OPENING)


def test_screening_drops_unlikely_words():
    invented = count_invented_words(engine_that_writes("Thank you.", avg_logprob=-3.0), SOUNDS)
    assert invented.direct == 2 * len(SOUNDS)
    assert invented.screened == 0


def test_fine_tuned_model_that_invents_words_fails_the_retention_check():
    quiet, inventing = engine_that_writes(""), engine_that_writes("Thanks for watching.")
    variants = ModelVariants(quiet, engine_that_writes(""), inventing)  # pyright: ignore[reportArgumentType]
    retention = with_invented_words(Retention(), variants, SOUNDS)
    sentences = failures(retention, LIMITS)
    assert retention.sounds == len(SOUNDS)
    assert len(sentences) == 2
    assert f"{3 * len(SOUNDS)} words invented" in sentences[0]
    assert "after screening" in sentences[1]


def test_as_many_invented_words_as_the_original_are_no_failure():
    same = PerVariant(stock_30s=9, tuned_30s=9, tuned_adaptive=10)
    none = PerVariant(stock_30s=0, tuned_30s=0, tuned_adaptive=0)
    retention = Retention(sounds=12, invented_words=same, invented_words_screened=none)
    assert failures(retention, LIMITS) == []
