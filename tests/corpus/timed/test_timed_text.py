"""Recordings with subtitles beside them become pieces with their sentences."""

import os
from pathlib import Path

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE
from qal.corpus.importers.listing import AudioPiece, Candidate, Listing, ListingOptions, Problem
from qal.corpus.importers.timed.timed_text import TIMED_TEXT, list_timed_text
from qal.corpus.manifest import Corpus
from qal.errors import CorpusError
from tests.long_recordings import Spoken, join_utterances, srt
from tests.sounds import sine, write_audio

OPTIONS = ListingOptions(language="ru")
TALK_UTTERANCES = 12


def split_entries(listing: Listing) -> tuple[list[Candidate], list[Problem]]:
    entries = list(listing.entries)
    return [e for e in entries if isinstance(e, Candidate)], [e for e in entries if isinstance(e, Problem)]


def talk(folder: Path, corpus: Corpus, **settings) -> list[Spoken]:
    """Writes talk.wav of some sentences into the folder; returns what is spoken."""
    rows = [row for row in corpus.rows if 1.5 < row.duration_s < 5 and row.text[0].isupper()][:TALK_UTTERANCES]
    samples, spoken = join_utterances(corpus, rows, np.random.default_rng(0), pauses_s=(0.6, 1.5), **settings)
    write_audio(folder / "talk.wav", samples)
    return spoken


def test_loose_times_of_subtitles_become_the_borders_of_the_speech(tmp_path: Path, russian_corpus: Corpus):
    spoken, rng = talk(tmp_path, russian_corpus), np.random.default_rng(1)
    late_s = 1.4
    loose = [
        (s.start_s + late_s + rng.uniform(-0.3, 0.3), s.end_s + late_s + rng.uniform(-0.3, 0.3), s.text) for s in spoken
    ]
    (tmp_path / "talk.srt").write_text(srt(loose), encoding="utf-8")
    assert TIMED_TEXT.recognises(tmp_path)
    listing = list_timed_text(tmp_path / "talk.srt", OPTIONS)
    candidates, problems = split_entries(listing)
    assert not problems
    assert [c.text for c in candidates] == [s.text for s in spoken]
    for candidate, truth in zip(candidates, spoken, strict=True):
        assert isinstance(candidate.audio, AudioPiece)
        assert candidate.audio.start_s == pytest.approx(truth.start_s, abs=0.2)
        assert candidate.audio.end_s == pytest.approx(truth.end_s, abs=0.2)
    assert "moved by -1.3" in listing.notes
    assert candidates[0].place == "talk.srt, cue 1"
    assert candidates[0].notes[0].startswith("times moved by -1.3")


def test_faulty_cues_are_problems_with_their_numbers(tmp_path: Path, russian_corpus: Corpus):
    spoken = talk(tmp_path, russian_corpus)
    exact = [(s.start_s, s.end_s, s.text) for s in spoken]
    silence = (exact[3][1] + 0.25, exact[4][0] - 0.25, "Это не сказано.")
    end_s = exact[-1][1]
    cues = [
        *exact,
        silence,
        (end_s + 100, end_s + 101, "Beyond."),
        (end_s - 0.2, end_s + 9, "Overhangs."),
        (1, 1, "Zero."),
    ]
    (tmp_path / "talk.srt").write_text(srt([*cues, (5, 4, "Negative."), (0, 0.5, "[тишина]")]), encoding="utf-8")
    candidates, problems = split_entries(list_timed_text(tmp_path, OPTIONS))
    count = len(exact)
    faults = {problem.place: problem.reason for problem in problems if problem.is_fault}
    assert "no speech" in faults[f"talk.srt, cue {count + 1}"]
    assert "after the end" in faults[f"talk.srt, cue {count + 2}"]
    assert "after the end" in faults[f"talk.srt, cue {count + 3}"]
    assert "same" in faults[f"talk.srt, cue {count + 4}"]
    assert "negative" in faults[f"talk.srt, cue {count + 5}"]
    assert [p.place for p in problems if not p.is_fault] == [f"talk.srt, cue {count + 6}"]
    assert [c.text for c in candidates] == [s.text for s in spoken]


def test_sentence_over_two_cues_is_one_piece(tmp_path: Path, russian_corpus: Corpus):
    (first, second, *_) = talk(tmp_path, russian_corpus)
    middle_s = (first.start_s + first.end_s) / 2
    words = first.text.split()
    halves = [(first.start_s, middle_s, words[0]), (middle_s, first.end_s, " ".join(words[1:]).lower())]
    (tmp_path / "talk.srt").write_text(srt([*halves, (second.start_s, second.end_s, second.text)]), encoding="utf-8")
    candidates, _ = split_entries(list_timed_text(tmp_path, OPTIONS))
    assert [c.text.lower() for c in candidates] == [first.text.lower(), second.text.lower()]
    assert candidates[0].place == "talk.srt, cues 1-2"


def test_recordings_are_found_with_cues_of_any_kind_and_the_stated_language(tmp_path: Path):
    for name in ("a", "b", "c", "d"):
        write_audio(tmp_path / f"{name}.wav", sine(440, 2))
    cue = srt([(0, 1, "one")])
    for name in ("a.en.srt", "a.ru.srt", "B.srt", "c.txt"):
        (tmp_path / name).write_text(cue)
    (tmp_path / "b.vtt").write_text(f"WEBVTT\n\n{cue}".replace(",", "."))
    (tmp_path / "c.txt").write_text("0.0\t1.0\tone\n")
    _, problems = split_entries(list_timed_text(tmp_path, OPTIONS))
    assert [problem.place for problem in problems] == ["a.ru.srt, cue 1", "b.vtt, cue 1", "c.txt, cue 1", "d.wav"]
    assert "d.srt" in problems[-1].reason


def test_folder_without_cues_is_not_recognised(tmp_path: Path):
    write_audio(tmp_path / "a.wav", np.zeros(SAMPLE_RATE, np.float32))
    (tmp_path / "a.txt").write_text("A transcript.")
    (tmp_path / "other.srt").write_text(srt([(0, 1, "one")]))
    assert not TIMED_TEXT.recognises(tmp_path)
    with pytest.raises(CorpusError, match=r"talk\.srt"):
        list_timed_text(tmp_path, OPTIONS)
    assert not TIMED_TEXT.recognises(tmp_path / "missing")


def test_unreadable_recording_and_unreadable_subtitles_are_problems(tmp_path: Path):
    (tmp_path / "a.wav").write_bytes(b"no audio")
    (tmp_path / "a.srt").write_text(srt([(0, 1, "one")]))
    write_audio(tmp_path / "b.wav", sine(440, 2))
    (tmp_path / "b.srt").write_text("nothing")
    write_audio(tmp_path / "c.wav", sine(440, 2))
    os.mkfifo(tmp_path / "c.srt")
    _, problems = split_entries(list_timed_text(tmp_path, OPTIONS))
    assert [problem.place for problem in problems] == ["a.srt", "b.srt", "c.srt"]
