"""A cue that is longer than Whisper's window is cut at the words that a model recognises in it."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, seconds
from qal.corpus.importers.alignment import TimedWord, TimeRange
from qal.corpus.importers.import_source import import_source, preview
from qal.corpus.importers.listing import AudioPiece, Candidate, Listing, ListingOptions, Problem
from qal.corpus.importers.timed.timed_text import list_timed_text
from qal.corpus.importers.timed.transcript import DISAGREES
from qal.corpus.manifest import Corpus
from qal.engine import corpus_readers
from qal.engine.corpus_readers import EngineTranscriber
from qal.errors import LanguageError
from tests.long_recordings import Spoken, join_utterances, srt
from tests.sounds import sine, write_audio

LONG = slice(2, 14)  # of the utterances: those in the long cue


class WordsInRanges:
    """A transcriber that returns the given words that are within the ranges, which it records."""

    name = "known words"

    def __init__(self, words: Sequence[TimedWord], error: Exception | None = None):
        self.known, self.error = list(words), error
        self.ranges: list[Sequence[TimeRange]] = []

    def words(self, recording: Path, language: str, ranges: Sequence[TimeRange] = ()) -> Sequence[TimedWord]:
        self.ranges.append(ranges)
        if self.error:
            raise self.error
        assert language == "ru"
        return [word for word in self.known if any(r.start_s <= word.start_s < r.end_s for r in ranges)]


def even_words(spoken: Spoken) -> list[TimedWord]:
    words = spoken.text.split()
    step_s = (spoken.end_s - spoken.start_s) / len(words)
    return [
        TimedWord(f" {word}", spoken.start_s + i * step_s, spoken.start_s + (i + 1) * step_s)
        for i, word in enumerate(words)
    ]


@pytest.fixture
def spoken(tmp_path: Path, russian_corpus: Corpus) -> list[Spoken]:
    """Writes talk.wav, and talk.srt with one long cue between short ones; returns what is spoken."""
    rows = [row for row in russian_corpus.rows if 2.2 < row.duration_s < 6 and _is_sentence(row.text)][:16]
    samples, spoken = join_utterances(russian_corpus, rows, np.random.default_rng(0), pauses_s=(0.5, 1.5))
    (tmp_path / "in").mkdir()
    write_audio(tmp_path / "in/talk.wav", samples)
    long = spoken[LONG]
    cues = [(s.start_s, s.end_s, s.text) for s in spoken]
    cues[LONG] = [(long[0].start_s, long[-1].end_s, " ".join(s.text for s in long))]
    assert long[-1].end_s - long[0].start_s > 30
    (tmp_path / "in/talk.srt").write_text(srt(cues), encoding="utf-8")
    return spoken


def _is_sentence(text: str) -> bool:
    return text[0].isupper() and text.find(".") == len(text) - 1


def listed(folder: Path, transcriber: Any) -> tuple[list[Candidate], list[Problem]]:
    listing: Listing = list_timed_text(folder / "in", ListingOptions(language="ru", transcriber=transcriber))
    entries = list(listing.entries)
    return [e for e in entries if isinstance(e, Candidate)], [e for e in entries if isinstance(e, Problem)]


def test_long_cue_becomes_pieces_with_their_sentences_and_times(tmp_path: Path, spoken: list[Spoken]):
    transcriber = WordsInRanges([word for s in spoken for word in even_words(s)])
    candidates, problems = listed(tmp_path, transcriber)
    assert not problems
    assert " ".join(c.text for c in candidates) == " ".join(s.text for s in spoken)
    assert not any(c.marks for c in candidates)
    pieces = [candidate.audio for candidate in candidates if isinstance(candidate.audio, AudioPiece)]
    assert all((piece.end_s or 0) <= following.start_s for piece, following in pairwise(pieces))
    alone = [(c.audio, s) for c in candidates for s in spoken if c.text == s.text and isinstance(c.audio, AudioPiece)]
    assert len(alone) > len(spoken) / 2
    for piece, truth in alone:
        assert (piece.start_s, piece.end_s) == pytest.approx((truth.start_s, truth.end_s), abs=0.2)
    places = [c.place for c in candidates]
    assert places[0] == "talk.srt, cue 1"
    assert places[2] == "talk.srt, cue 3, sentence 1"
    assert len(set(places)) == len(places)
    ((part,),) = transcriber.ranges  # asked once, and only for the long cue
    assert part.start_s == pytest.approx(spoken[LONG][0].start_s, abs=0.2)
    assert part.end_s == pytest.approx(spoken[LONG][-1].end_s, abs=0.2)


def test_piece_of_a_long_cue_with_other_words_is_marked_or_a_problem(tmp_path: Path, spoken: list[Spoken]):
    words = [even_words(s) for s in spoken]
    wrong = spoken[6]
    words[6] = even_words(Spoken("совсем другие слова здесь были сказаны кем-то", wrong.start_s, wrong.end_s))
    candidates, problems = listed(tmp_path, WordsInRanges([word for of_one in words for word in of_one]))
    agreed = " ".join(c.text for c in candidates if not c.marks)
    assert wrong.text not in agreed
    doubted = [c.text for c in candidates if c.marks == (DISAGREES,)] + [p.reason for p in problems]
    assert any(wrong.text[:12] in text for text in doubted)
    assert all(problem.place.startswith("talk.srt, cue 3, sentence ") for problem in problems)
    assert sum(s.text in agreed for s in spoken) >= len(spoken) - 3


def test_long_cue_without_a_model_stays_a_problem(tmp_path: Path, spoken: list[Spoken]):
    candidates, (problem,) = listed(tmp_path, None)
    assert problem.place == "talk.srt, cue 3"
    assert problem.reason.endswith("s long; cut it into cues of at most 30 s")
    assert len(candidates) == len(spoken) - len(spoken[LONG])


def test_model_that_fails_at_a_long_cue_loses_only_this_cue(tmp_path: Path, spoken: list[Spoken]):
    candidates, (problem,) = listed(tmp_path, WordsInRanges([], LanguageError("the model does not know Russian")))
    assert "at most 30 s. They were not cut by known words: the model does not know Russian" in problem.reason
    assert len(candidates) == len(spoken) - len(spoken[LONG])


def test_model_is_not_asked_for_cues_that_are_short_enough(tmp_path: Path, spoken: list[Spoken]):
    short = [(s.start_s, s.end_s, s.text) for s in spoken]
    (tmp_path / "in/talk.srt").write_text(srt(short), encoding="utf-8")
    transcriber = WordsInRanges([])
    listed(tmp_path, transcriber)
    assert not transcriber.ranges


def test_import_and_preview_of_a_long_cue_agree(tmp_path: Path, spoken: list[Spoken]):
    transcriber = WordsInRanges([word for s in spoken for word in even_words(s)])
    options = ListingOptions(language="ru", transcriber=transcriber)
    found = preview(tmp_path / "in", options, rows=100)
    result = import_source(tmp_path / "in", tmp_path / "out", options)
    assert [row.text for row in found.rows] == [row.text for row in result.corpus.rows]
    assert not result.problems


def test_engine_reads_only_the_ranges_and_adds_their_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_audio(tmp_path / "a.wav", sine(440, 20, amplitude=0.5))
    read: list[float] = []

    def words(_engine: object, samples: np.ndarray, _language: str, _progress: Callable) -> list[TimedWord]:
        read.append(seconds(samples))
        return [TimedWord("one", 0.5, 1.0)]

    monkeypatch.setattr(corpus_readers, "file_words", words)
    transcriber = EngineTranscriber(lambda: None, "none")  # type: ignore[arg-type]
    ranges = [TimeRange(2.0, 5.0), TimeRange(11.0, 15.0)]
    for _ in range(2):  # the second time they are known
        assert [word.start_s for word in transcriber.words(path, "en", ranges)] == [2.5, 11.5]
    assert read == [3.0, 4.0]
    assert [word.start_s for word in transcriber.words(path, "en")] == [0.5]
    assert read[2:] == [20 * SAMPLE_RATE / SAMPLE_RATE]
