"""A long recording with a plain transcript: a model's words give the times of the sentences."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from qal.corpus.importers.alignment import TimedWord, TimeRange
from qal.corpus.importers.listing import AudioPiece, Candidate, ListingOptions, Problem
from qal.corpus.importers.timed.cues import Cue
from qal.corpus.importers.timed.matching import match_words
from qal.corpus.importers.timed.sentences import paragraphs
from qal.corpus.importers.timed.transcript import DISAGREES, TRANSCRIPT, Heard, list_transcribed
from qal.corpus.manifest import Corpus
from qal.engine.corpus_readers import EngineTranscriber
from qal.engine.interface import load_engine
from qal.errors import CorpusError
from tests.long_recordings import Spoken, join_utterances
from tests.sounds import write_audio

UTTERANCES = 14


class KnownWords:
    """A transcriber that returns given words, and records the languages that it is asked for."""

    name = "known words"

    def __init__(self, words: Sequence[TimedWord]):
        self.recognised, self.languages = list(words), []

    def words(self, recording: Path, language: str, ranges: Sequence[TimeRange] = ()) -> Sequence[TimedWord]:
        self.languages.append(language)
        return self.recognised


def even_words(spoken: Spoken, text: str = "") -> list[TimedWord]:
    """The words of an utterance, which divide its time evenly."""
    words = (text or spoken.text).split()
    step_s = (spoken.end_s - spoken.start_s) / len(words)
    return [
        TimedWord(f" {word}", spoken.start_s + i * step_s, spoken.start_s + (i + 1) * step_s)
        for i, word in enumerate(words)
    ]


def is_sentence(text: str) -> bool:
    return text[0].isupper() and text.find(".") == len(text) - 1


def talk(folder: Path, corpus: Corpus) -> list[Spoken]:
    rows = [row for row in corpus.rows if 2.2 < row.duration_s < 6 and is_sentence(row.text)]
    samples, spoken = join_utterances(corpus, rows[:UTTERANCES], np.random.default_rng(0), pauses_s=(0.5, 1.5))
    write_audio(folder / "talk.wav", samples)
    return spoken


def listed(folder: Path, transcriber) -> tuple[list[Candidate], list[Problem]]:
    entries = list(list_transcribed(folder, ListingOptions(language="ru", transcriber=transcriber)).entries)
    return [e for e in entries if isinstance(e, Candidate)], [e for e in entries if isinstance(e, Problem)]


def assert_times(candidates: Sequence[Candidate], spoken: Sequence[Spoken]) -> None:
    for candidate in candidates:
        assert isinstance(candidate.audio, AudioPiece)
        start_s = candidate.audio.start_s
        truth = min((s for s in spoken if s.text == candidate.text), key=lambda s: abs(s.start_s - start_s))
        assert start_s == pytest.approx(truth.start_s, abs=0.25)
        assert candidate.audio.end_s == pytest.approx(truth.end_s, abs=0.25)


def test_sentences_of_a_transcript_become_pieces_and_disagreement_is_marked(tmp_path: Path, russian_corpus: Corpus):
    spoken = talk(tmp_path, russian_corpus)
    words = [even_words(s) for s in spoken]
    words[3] = even_words(spoken[3], "совсем другие слова здесь были сказаны кем-то")
    words[5][1] = TimedWord(" опечятка", words[5][1].start_s, words[5][1].end_s)
    lines = [s.text for s in spoken]
    lines.insert(8, "Этого предложения в записи нет, его никто не читал.")
    (tmp_path / "talk.txt").write_text(" ".join(lines[:6]) + "\n\n" + "\n".join(lines[6:]), encoding="utf-8")
    assert TRANSCRIPT.recognises(tmp_path)
    transcriber = KnownWords([word for of_utterance in words for word in of_utterance])
    candidates, problems = listed(tmp_path, transcriber)
    assert transcriber.languages == ["ru"]
    agreed = [c for c in candidates if not c.marks]
    assert [c.text for c in agreed] == [s.text for i, s in enumerate(spoken) if i != 3]
    assert_times(agreed, spoken)
    doubted = {c.text for c in candidates if c.marks == (DISAGREES,)} | {p.reason for p in problems}
    assert any(spoken[3].text[:20] in text for text in doubted)
    assert any("Этого предложения" in text for text in doubted)
    assert len(candidates) + len(problems) == len(lines)


def test_transcript_without_a_model_names_the_option(tmp_path: Path, russian_corpus: Corpus):
    spoken = talk(tmp_path, russian_corpus)
    (tmp_path / "other name.txt").write_text("\n".join(s.text for s in spoken), encoding="utf-8")
    assert TRANSCRIPT.recognises(tmp_path)
    with pytest.raises(CorpusError, match="--align"):
        list_transcribed(tmp_path, ListingOptions(language="ru"))


def test_short_recording_with_its_sentence_is_no_long_transcript(tmp_path: Path):
    write_audio(tmp_path / "a.wav", np.zeros(16_000, np.float32))
    (tmp_path / "a.txt").write_text("word " * 100)
    assert not TRANSCRIPT.recognises(tmp_path)
    with pytest.raises(CorpusError, match=r"talk\.txt"):
        list_transcribed(tmp_path, ListingOptions())


def test_words_are_matched_in_order_although_they_repeat_and_some_are_misspelt():
    said = ["one", "two", "three", "two", "one", "four", "five", "six", "one", "two", "nine"]
    recognised = [TimedWord(word, float(i), i + 1.0) for i, word in enumerate(said)]
    recognised[6] = TimedWord("fife", 6.0, 7.0)
    recognised.insert(4, TimedWord("uh", 3.9, 4.0))
    matched = match_words("One, two, three. Two one four! Five six: one two nine.", recognised, "en")
    assert [word.start_s for word in matched] == pytest.approx([float(i) for i in range(11)], abs=0.5)
    assert match_words("nothing in common", [], "en")[0].start_s is None


@pytest.mark.parametrize(
    ("text", "before", "after", "agrees"),
    [
        ("Please check the number", "", "", True),
        ("Please chek the nunber", "", "", True),
        ("check the number", "", "", False),  # "please" is spoken, but not in the text
        ("check the number", "and then, please", "", True),  # it is the last word of the piece before
        ("Now please check the number", "", "", False),
        ("Please check the", "", "", False),
        ("Please check the", "", "number one", True),
        ("Something else was said", "", "", False),
    ],
)
def test_text_agrees_if_the_words_at_both_ends_do(text: str, before: str, after: str, agrees: bool):
    words = ("Please", "check", "the", "number")
    recognised = [TimedWord(f" {word}", 0.3 * i, 0.3 * i + 0.3) for i, word in enumerate(words)]
    assert Heard(recognised, "en").agrees(Cue(1, 0.0, 1.2, text), before, after) is agrees


def test_speakers_of_a_transcript_hold_until_the_next_label():
    text = "ANNA: Good morning.\nHow are you?\n[laughter]\nBEN: Fine.\n\nAnd you?"
    assert [(p.speaker, p.text) for p in paragraphs(text)] == [
        ("Anna", "Good morning. How are you?"),
        ("Ben", "Fine."),
        ("Ben", "And you?"),
    ]


@pytest.mark.long
def test_sentences_are_found_by_the_words_of_a_real_model(tmp_path: Path, english_corpus: Corpus):
    rows = [row for row in english_corpus.rows if 2.2 < row.duration_s < 8 and is_sentence(row.text)][:60]
    samples, spoken = join_utterances(english_corpus, rows, np.random.default_rng(0))
    write_audio(tmp_path / "talk.wav", samples)
    (tmp_path / "talk.txt").write_text(" ".join(s.text for s in spoken), encoding="utf-8")
    transcriber = EngineTranscriber(lambda: load_engine("base-adaptive"), "base-adaptive")
    options = ListingOptions(language="en", transcriber=transcriber)
    candidates = [c for c in list_transcribed(tmp_path, options).entries if isinstance(c, Candidate) and not c.marks]
    known = {s.text for s in spoken}
    alone = [c for c in candidates if c.text in known]
    words = sum(len(candidate.text.split()) for candidate in candidates)
    assert words > 0.75 * sum(len(s.text.split()) for s in spoken)
    assert_times(alone, spoken)
