"""Words begin and end with sound, hold no long silence, and are in order."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks.batch.word_times import MAX_MEDIAN_MS, MAX_P90_MS, word_time_figures
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.engine.repetition import INSTANT_S
from qal.engine.word_sound import MIN_WORD_S, fit_to_sound, sound_stretches
from qal.engine.words import Word


def sound(*stretches: tuple[float, float], duration_s: float, noise: float = 0.0) -> Samples:
    """Returns a tone that sounds in the given stretches."""
    time_s = np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    is_loud = np.zeros(len(time_s), bool)
    for start_s, end_s in stretches:
        is_loud |= (time_s >= start_s) & (time_s < end_s)
    hiss = noise * np.random.default_rng(0).standard_normal(len(time_s))
    return (0.3 * is_loud * np.sin(2 * np.pi * 200 * time_s) + hiss).astype(np.float32)


def words(*borders_s: float, texts: tuple[str, ...] = ()) -> list[Word]:
    """Returns words that follow each other without a pause."""
    texts = texts or tuple(f" word{i}" for i in range(len(borders_s) - 1))
    return [Word(text, a, b, 0.9) for text, (a, b) in zip(texts, pairwise(borders_s), strict=True)]


def times(found) -> list[tuple[float, float]]:
    return [(round(word.start_s, 2), round(word.end_s, 2)) for word in found]


@pytest.mark.parametrize("noise", [0.0, 1e-4, 3e-3])
def test_stretches_of_sound_are_found_to_a_hundredth_of_a_second(noise: float):
    found = sound_stretches(sound((0.5, 1.0), (1.4, 2.2), duration_s=3, noise=noise))
    assert np.array(found) == pytest.approx(np.array([[0.5, 1.0], [1.4, 2.2]]), abs=0.012)


def test_silence_between_words_belongs_to_none_of_them():
    samples = sound((0.5, 1.0), (2.0, 2.6), (2.8, 3.4), duration_s=4)
    found = fit_to_sound(words(0.0, 0.9, 2.7, 4.0), samples)
    assert np.array(times(found)) == pytest.approx(np.array([[0.5, 1.0], [2.0, 2.6], [2.8, 3.4]]), abs=0.012)


def test_silence_is_not_inside_of_a_word():
    samples = sound((0.2, 1.0), (3.0, 3.6), duration_s=4)
    first, second = fit_to_sound(words(0.0, 0.7, 3.6), samples)
    assert first.end_s == pytest.approx(1.0, abs=0.012)
    assert second.start_s == pytest.approx(3.0, abs=0.012)


def test_borders_in_continuous_sound_stay():
    samples = sound((0.0, 3.0), duration_s=3.5)
    first, second, third = times(fit_to_sound(words(0.02, 0.8, 1.7, 3.0), samples))
    assert (first[1], second, third[0]) == (0.8, (0.8, 1.7), 1.7)


def test_short_closure_of_a_consonant_does_not_move_a_border():
    samples = sound((0.1, 0.5), (0.53, 1.2), (1.2, 2.0), duration_s=2.5)
    found = times(fit_to_sound(words(0.0, 1.2, 2.0), samples))
    assert found[0][1] == found[1][0] == 1.2


def test_sound_that_belongs_to_no_word_is_left_out():
    samples = sound((0.1, 0.14), (1.5, 2.2), (2.5, 3.2), duration_s=4)
    first, _ = fit_to_sound(words(0.0, 2.2, 3.2), samples)
    assert first.start_s == pytest.approx(1.5, abs=0.012)


def test_times_never_go_back_and_every_word_has_a_duration():
    rng = np.random.default_rng(3)
    for _ in range(60):
        edges = np.sort(rng.uniform(0, 10, 2 * rng.integers(0, 6)))
        samples = sound(*zip(edges[::2], edges[1::2], strict=True), duration_s=10, noise=float(rng.choice([0, 0.01])))
        borders = np.sort(rng.uniform(0, 10, rng.integers(2, 12)).round(1))
        given = words(*borders)
        found = fit_to_sound(given, samples)
        assert [word.text for word in found] == [word.text for word in given]
        assert all(word.end_s - word.start_s >= MIN_WORD_S - 1e-9 for word in found)
        assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(found))


def test_words_of_a_loop_that_no_sound_supports_stay_instant():
    samples = sound((0.0, 2.0), duration_s=2.0, noise=1e-4)
    loop = words(0.0, 1.0, *(1.98 for _ in range(9)), texts=(" one", *(" two" for _ in range(9))))
    found = fit_to_sound(loop, samples)
    assert sum(word.end_s - word.start_s < INSTANT_S for word in found) >= 7


def test_no_words_and_no_sound_are_no_error():
    assert fit_to_sound([], sound((0, 1), duration_s=2)) == ()
    for samples in (np.zeros(0, np.float32), np.zeros(100, np.float32), np.zeros(SAMPLE_RATE, np.float32)):
        (word,) = fit_to_sound(words(0.0, 0.5), samples)
        assert (word.start_s, word.end_s) == (0.0, 0.5)
        assert seconds(samples) <= 1


def test_words_of_recordings_with_known_times_begin_and_end_where_they_were_spoken(english_corpus, russian_corpus):
    data = Path(english_corpus.folder).parent
    assert Path(russian_corpus.folder).parent == data
    figures = word_time_figures(Engine(resolve("base-adaptive")), data, 16, ("en", "ru"))
    for name in ("given_starts", "given_ends"):
        assert figures[f"{name}_median_ms"] <= MAX_MEDIAN_MS
        assert figures[f"{name}_p90_ms"] <= MAX_P90_MS
