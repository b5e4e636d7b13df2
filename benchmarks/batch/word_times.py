"""How far the times of words are from the true ones, on recordings whose word times are known.

Single words of several languages, each cut to its speech, are joined with known pauses, with and without faint noise.
`given_words` aligns the given texts; `recognised_words` transcribes long recordings as files, so that the places where
their parts are joined count, too."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qal.audio.samples import SAMPLE_RATE
from qal.corpus.manifest import read_corpus
from qal.engine.engine import Engine, Utterance
from qal.engine.longform.options import LONGFORM_DECODING
from qal.engine.longform.transcription import transcribe_file
from qal.engine.text_alignment import align_text
from qal.engine.words import Word
from qal.evaluation.scoring import SpokenReference, load_references
from qal.export.gate.word_times import MAX_PIECE_S, MIN_LETTERS, JoinedRecording, speech_bounds
from qal.text.normalisation.basic import normalise_basic

LANGUAGES = ("en", "es", "fr", "it", "ru")
PAUSES_S = (0.1, 0.2, 0.3, 0.5, 1.0, 1.5)
NOISE_LEVELS = (1e-4, 3e-3)  # of full scale
WORDS_PER_RECORDING = 8
MAX_MEDIAN_MS, MAX_P90_MS = 60.0, 150.0  # bars
MS = 1000
WITH_WORDS = LONGFORM_DECODING.model_copy(update={"words": True})


class WordErrors(NamedTuple):
    """Distances of the starts and the ends of words from the true ones, in seconds."""

    starts: list[float]
    ends: list[float]

    def figures(self, prefix: str) -> dict[str, float]:
        """Returns medians and 90th percentiles in milliseconds."""
        found = {}
        for name, errors in zip(self._fields, self, strict=True):
            found[f"{prefix}_{name}_median_ms"] = round(MS * float(np.median(errors)), 1)
            found[f"{prefix}_{name}_p90_ms"] = round(MS * float(np.percentile(errors, 90)), 1)
        return found


def load_single_words(folder: Path, count: int, rng: np.random.Generator) -> list[SpokenReference]:
    """Returns `count` single words of a corpus, drawn at random; fewer if the corpus has fewer."""
    corpus = read_corpus(folder)
    rows = [row for row in corpus.rows if len(row.text.split()) == 1 and len(row.text) >= MIN_LETTERS]
    rows = [row for row in rows if row.duration_s < MAX_PIECE_S]
    return load_references(corpus, [rows[i] for i in rng.permutation(len(rows))[:count]])


def join_words(
    words: Sequence[SpokenReference], pauses_s: Sequence[float], noise: float, rng: np.random.Generator
) -> JoinedRecording:
    """Joins words, each cut to its speech, with pauses that are drawn from pauses_s, and adds noise of a level."""
    position, starts, ends = round(0.3 * SAMPLE_RATE), [], []
    parts = [np.zeros(position, np.float32)]
    for word in words:
        samples = word.samples
        first, last = speech_bounds(samples)
        pause = np.zeros(round(rng.choice(pauses_s) * SAMPLE_RATE) + int(rng.integers(SAMPLE_RATE // 100)), np.float32)
        starts.append(position / SAMPLE_RATE)
        ends.append((position + last - first) / SAMPLE_RATE)
        parts += [samples[first:last], pause]
        position += last - first + len(pause)
    clean = np.concatenate(parts)
    samples = (clean + noise * rng.standard_normal(len(clean))).astype(np.float32)
    return JoinedRecording(samples, words[0].language, tuple(w.text for w in words), tuple(starts), tuple(ends))


def given_words(engine: Engine, recording: JoinedRecording) -> Iterator[tuple[float, float]]:
    """Yields the start and the end, in seconds, that the alignment gives each text of a recording."""
    utterance = Utterance(recording.samples, recording.language)
    aligned = iter(align_text(engine, utterance, " ".join(recording.texts)))
    for text in recording.texts:
        own: list[Word] = []
        while "".join(word.text for word in own) != text:
            own.append(next(aligned))
        yield own[0].start_s, own[-1].end_s


def given_word_errors(engine: Engine, recordings: Sequence[JoinedRecording]) -> WordErrors:
    """Aligns the known texts, so that errors of recognition do not count."""
    errors = WordErrors([], [])
    for recording in recordings:
        for (start_s, end_s), true_s, true_end_s in zip(
            given_words(engine, recording), recording.starts_s, recording.ends_s, strict=True
        ):
            errors.starts.append(abs(start_s - true_s))
            errors.ends.append(abs(end_s - true_end_s))
    return errors


def recognised_word_errors(engine: Engine, recording: JoinedRecording) -> tuple[WordErrors, WordErrors]:
    """Transcribes a recording as a file; returns the errors of all words that were recognised, and of those at joins.

    Words at joins are the first and the last of a segment."""
    segments = transcribe_file(engine, recording.samples, recording.language, decoding=WITH_WORDS)
    words = [word for segment in segments for word in segment.words]
    borders = {0, *np.cumsum([len(segment.words) for segment in segments]).tolist()}
    known, found = [[normalise_basic(text) for text in texts] for texts in (recording.texts, [w.text for w in words])]
    all_words, at_joins = WordErrors([], []), WordErrors([], [])
    for block in SequenceMatcher(None, known, found, autojunk=False).get_matching_blocks():
        for i, j in zip(range(block.a, block.a + block.size), range(block.b, block.b + block.size), strict=True):
            start_error = abs(words[j].start_s - recording.starts_s[i])
            end_error = abs(words[j].end_s - recording.ends_s[i])
            for errors in (all_words, at_joins) if {j, j + 1} & borders else (all_words,):
                errors.starts.append(start_error)
                errors.ends.append(end_error)
    return all_words, at_joins


def word_time_figures(
    engine: Engine, data: Path, words_per_language: int = 96, languages: Sequence[str] = LANGUAGES, seed: int = 0
) -> dict[str, float]:
    """Returns medians and 90th percentiles of the errors of word starts and ends, in milliseconds.

    `given`: of given texts. `recognised` and `joins`: of the words of files that were recognised, all of them and those
    at joins; missing if no word was. `data` holds the corpora asterisk-LANGUAGE."""
    rng = np.random.default_rng(seed)
    given, recognised, joins = WordErrors([], []), WordErrors([], []), WordErrors([], [])
    for language in languages:
        words = load_single_words(data / f"asterisk-{language}", words_per_language, rng)
        borders = [*range(0, len(words), WORDS_PER_RECORDING), len(words)]
        groups = [words[first:end] for first, end in pairwise(borders) if end > first]
        recordings = [
            join_words(group, PAUSES_S, NOISE_LEVELS[i % len(NOISE_LEVELS)], rng) for i, group in enumerate(groups)
        ]
        whole = join_words(words, PAUSES_S, NOISE_LEVELS[0], rng)
        found = (given_word_errors(engine, recordings), *recognised_word_errors(engine, whole))
        for errors, more in zip((given, recognised, joins), found, strict=True):
            errors.starts.extend(more.starts)
            errors.ends.extend(more.ends)
    figures: dict[str, float] = {}
    for prefix, errors in {"given": given, "recognised": recognised, "joins": joins}.items():
        figures |= errors.figures(prefix) if errors.starts else {}
    return figures


def word_time_bars(figures: Mapping[str, float]) -> dict[str, dict[str, float | bool]]:
    """Returns the bars of `word_time_figures`: a median of 60 ms and a 90th percentile of 150 ms, at most."""
    bars = {}
    for name, value in figures.items():
        bar = MAX_MEDIAN_MS if name.endswith("median_ms") else MAX_P90_MS
        bars[f"word_{name}"] = {"value": value, "bar": bar, "met": value <= bar}
    return bars
