"""The strategies with a real model: the same text every time, from any cut, with word times, and of fast speech."""

from itertools import pairwise

import jiwer
import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.corpus.manifest import Corpus
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.engine.longform.options import LONGFORM_DECODING, LongformOptions
from qal.engine.longform.segment import Segment
from qal.engine.longform.stream import transcribe_stream
from qal.engine.longform.transcription import transcribe_file
from qal.text.normalisation.basic import normalise_basic
from tests.fakes import noise

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
MINUTES = 150  # seconds
WORDS = LONGFORM_DECODING.model_copy(update={"words": True})


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(resolve("base-adaptive"))


@pytest.fixture(scope="module")
def recording(english_corpus: Corpus) -> tuple[Samples, str]:
    """English prompts with pauses, and their text."""
    rng, parts, said, n = np.random.default_rng(5), [], [], 0
    for row in english_corpus.select("train"):
        if len(row.text.split()) < 3:
            continue
        parts += [decode(english_corpus.audio_path(row)), 0.0005 * noise(int(rng.uniform(0.5, 1.5) * SAMPLE_RATE))]
        said.append(row.text)
        n += len(parts[-1]) + len(parts[-2])
        if n > MINUTES * SAMPLE_RATE:
            break
    return np.concatenate(parts).astype(np.float32), normalise_basic(" ".join(said))


def text_of(segments: list[Segment]) -> str:
    return normalise_basic(" ".join(segment.text for segment in segments))


@pytest.mark.parametrize("strategy", ["packed", "overlap", "sequential"])
def test_strategies_write_what_was_said_with_word_times(engine: Engine, recording: tuple[Samples, str], strategy: str):
    samples, said = recording
    options = LongformOptions.model_validate({"strategy": strategy})
    segments = transcribe_file(engine, samples, "en", decoding=WORDS, options=options)
    assert jiwer.wer(said, text_of(segments)) < 0.15
    words = [word for segment in segments for word in segment.words]
    assert "".join(word.text for word in words).split() == " ".join(s.text for s in segments).split()
    assert all(before.start_s <= after.start_s for before, after in pairwise(words))
    assert all(s.start_s - 0.5 <= w.start_s <= w.end_s <= s.end_s + 0.5 for s in segments for w in s.words)


def test_text_is_the_same_in_batches_of_one_by_two_workers_and_after_a_resume(recording: tuple[Samples, str]):
    samples, _ = recording
    whole = transcribe_file(Engine(resolve("base-adaptive"), threads=1, workers=2), samples, "en")
    one = Engine(resolve("base-adaptive"), threads=1)
    assert text_of(transcribe_file(one, samples, "en", options=LongformOptions(batch_size=1))) == text_of(whole)
    first, *_ = transcribe_stream(one, [samples], "en")
    rest = [samples[round(first.settled_s * SAMPLE_RATE) :]]
    resumed = [
        s for settled in transcribe_stream(one, rest, "en", resume_at_s=first.settled_s) for s in settled.segments
    ]
    assert text_of([*first.segments, *resumed]) == text_of(whole)


def test_fast_speech_has_no_fewer_words_in_long_stretches_than_in_short_ones(engine: Engine, russian_corpus: Corpus):
    rows = [row for row in russian_corpus.select("train") if row.duration_s > 4][:10]
    slow = np.concatenate([decode(russian_corpus.audio_path(row)) for row in rows])
    places = np.arange(0, len(slow) - 1, 1.5)
    fast = np.interp(places, np.arange(len(slow)), slow).astype(np.float32)
    counts = {
        target_s: len(text_of(transcribe_file(engine, fast, "ru", options=LongformOptions(target_s=target_s))).split())
        for target_s in (6.0, 15.0)
    }
    assert counts[15.0] >= 0.95 * counts[6.0]
