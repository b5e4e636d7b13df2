"""Checks of a corpus: measures of audio, letters, languages, near-duplicates, and findings that become marks."""

from pathlib import Path

import numpy as np
import pytest
import soxr

from qal.audio.decode import decode
from qal.audio.dnsmos import is_available, overall_opinion
from qal.audio.fingerprint import differing_bits, fingerprint
from qal.audio.samples import Samples
from qal.corpus.edit import edit_rows
from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.quality.audio_measures import measure_audio, measure_samples
from qal.corpus.quality.check import CheckLimits, as_edits, counts_by_mark, find_problems
from qal.corpus.quality.letters import learn_alphabets, mixed_words, writing_style_notes
from qal.corpus.quality.measures import (
    AGREEMENT_FILE,
    QUALITY_FILE,
    Agreement,
    AudioMeasures,
    append_measures,
    read_measures,
)
from qal.corpus.quality.near_duplicates import near_sounds, near_texts
from qal.corpus.quality.text_language import other_language
from tests.sounds import sine, write_audio

NO_CHECKS = CheckLimits(
    min_snr_db=None,
    max_clipped_share=None,
    min_loudness_lufs=None,
    min_bandwidth_hz=None,
    min_speech_share=None,
    min_dnsmos=None,
    max_speed_deviation=None,
    max_disagreement=None,
    min_language_probability=None,
    ignore_letters=True,
    ignore_copies=True,
)


def row(number: int, text: str = "hello", language: str = "en", sha256: str = "", **fields) -> Row:
    values = {"duration_s": 2.0, "split": "train", "sha256": sha256 or f"{number:064x}", **fields}
    return Row(audio=f"audio/{number}.wav", text=text, language=language, **values)


def known(value: float | None) -> float:
    """Returns a measure that must not be None."""
    assert value is not None
    return value


def corpus_of(folder: Path, *rows: Row) -> Corpus:
    return write_corpus(folder, Origin(name="c"), rows)


def speech(english_corpus: Corpus, number: int) -> Samples:
    return decode(english_corpus.audio_path([r for r in english_corpus.rows if r.duration_s > 2][number]))


def test_measures_of_speech_are_those_of_its_construction(english_corpus: Corpus):
    samples = speech(english_corpus, 0)
    loud, quiet = measure_samples(samples, "a"), measure_samples(np.float32(0.1) * samples, "a")
    assert quiet.loudness_lufs == pytest.approx(known(loud.loudness_lufs) - 20, abs=0.5)
    assert loud.clipped_share == 0
    assert known(measure_samples(np.clip(np.float32(30) * samples, -1, 1), "a").clipped_share) > 0.05
    padded = measure_samples(np.concatenate([np.zeros(16000, np.float32), samples]), "a")
    assert padded.lead_s == pytest.approx(known(loud.lead_s) + 1, abs=0.2)


def test_noise_lowers_snr_and_a_telephone_the_bandwidth(english_corpus: Corpus):
    samples, rng = speech(english_corpus, 1), np.random.default_rng(0)
    clean = measure_samples(samples, "a")
    noisy = measure_samples((samples + rng.normal(0, 0.05, len(samples))).astype(np.float32), "a")
    assert known(noisy.snr_db) < known(clean.snr_db) - 10
    narrow = soxr.resample(soxr.resample(samples, 16000, 8000), 8000, 16000)
    assert known(measure_samples(narrow, "a").bandwidth_hz) < 4000 < known(clean.bandwidth_hz)


def test_silence_and_empty_audio_have_no_measures_of_speech():
    for samples in (np.zeros(16000, np.float32), np.zeros(0, np.float32), np.zeros(100, np.float32)):
        measures = measure_samples(samples, "a")
        assert (measures.snr_db, measures.bandwidth_hz, measures.fingerprint) == (None, None, "")


def test_fingerprint_keeps_with_level_and_padding_and_tells_sentences_apart(english_corpus: Corpus):
    first, other = (speech(english_corpus, n) for n in (0, 3))
    code = fingerprint(first)
    assert fingerprint(np.float32(0.3) * first) == code
    padded = np.concatenate([np.zeros(8000, np.float32), first, np.zeros(4000, np.float32)])
    assert len(list(near_sounds([code], [3.0], [fingerprint(padded)], [3.7]))) == 1
    assert list(near_sounds([code, fingerprint(other), ""], [3.0, 3.0, 3.0])) == []
    assert differing_bits(np.array([255, 0], np.uint8), np.array([0, 0], np.uint8)) == 8


@pytest.mark.skipif(not is_available(), reason="speechmos is not installed")
def test_dnsmos_prefers_clean_speech(english_corpus: Corpus):
    samples = speech(english_corpus, 0)
    noisy = samples + np.random.default_rng(0).normal(0, 0.1, len(samples)).astype(np.float32)
    assert 1 < known(overall_opinion(noisy)) < known(overall_opinion(samples)) < 5
    assert overall_opinion(samples[:0]) is None


def test_audio_is_measured_once_by_hash_and_a_stopped_run_goes_on(tmp_path: Path):
    for number in range(3):
        write_audio(tmp_path / f"audio/{number}.wav", sine(300 + number, 1))
    (tmp_path / "audio/3.wav").write_bytes(b"no audio")
    rows = [row(0), row(1), row(2, sha256=f"{1:064x}"), row(3)]
    corpus, calls = corpus_of(tmp_path, *rows), []
    append_measures(tmp_path / QUALITY_FILE, [AudioMeasures(sha256=rows[0].sha256, snr_db=7)])
    measures = measure_audio(corpus, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(0, 2), (2, 2)]
    assert measures[rows[0].sha256].snr_db == 7
    assert "3.wav" in measures[rows[3].sha256].error
    assert len(list(read_measures(tmp_path / QUALITY_FILE, AudioMeasures))) == 3
    calls.clear()
    measure_audio(corpus, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(0, 0)]


def test_letters_of_another_script_and_mixed_words_are_found():
    alphabets = learn_alphabets([row(0, "Привет, мир", "ru"), row(1, "ሰላም", "am"), row(2, "今日はカタカナ", "ja")])
    assert alphabets["ru"].foreign("Привет, Tom 5!") == "Tom"
    assert alphabets["am"].foreign("ሰላም ok") == "ok"
    assert alphabets["ja"].foreign("今日カナ") == ""
    assert mixed_words("в первoe время и radio") == ["первoe"]


def test_script_of_an_unknown_language_is_learned_from_its_texts():
    rows = [row(i, "kpalanga yɛ", "xx") for i in range(30)]
    assert learn_alphabets(rows)["xx"].foreign("yɛ мир") == "мир"


def test_rare_letter_of_a_large_corpus_is_found():
    rows = [row(i, "the quick brown fox jumps over a lazy dog", "en") for i in range(400)]
    alphabet = learn_alphabets([*rows, row(999, "naïve", "en")])["en"]
    assert alphabet.foreign("naïve") == "ï"
    assert alphabet.foreign("quick") == ""


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (["HELLO WORLD"] * 5, "capitals, and"),
        (["hello world."] * 5, "no capitals"),
        (["Hello world"] * 5, "punctuation"),
    ],
)
def test_style_that_a_model_will_learn_is_told(texts, word):
    assert any(word in note for note in writing_style_notes([row(i, text) for i, text in enumerate(texts)]))


def test_ordinary_texts_and_scripts_without_case_have_no_style_note():
    assert writing_style_notes([row(0, "Hello, world."), row(1, "It is so!")]) == []
    assert writing_style_notes([row(0, "ሰላም ለዓለም።", "am")]) == []
    assert writing_style_notes([]) == []


def test_language_of_a_text_is_told_only_where_it_is_sure():
    russian = "Сегодня хорошая погода и мы идём гулять в парк вместе с друзьями"
    found = other_language(russian, "en")
    assert found
    assert found.language == "ru"
    assert other_language(russian, "ru") is None
    assert other_language(russian, "uk") is None  # alike
    assert other_language(russian, "xx") is None  # not known
    assert other_language("Так", "en") is None  # too short


def test_near_texts_are_found_without_comparing_all_pairs():
    texts = ["please enter your password now", "please enter your passwort now", "something else entirely", "ok", "ok"]
    assert [(pair.first, pair.second) for pair in near_texts(texts)] == [(0, 1)]
    assert [(pair.first, pair.second) for pair in near_texts(texts[:1], texts[1:])] == [(0, 0)]


def test_checks_find_rows_by_their_measures(tmp_path: Path):
    bad = {"noisy": {"snr_db": 1}, "clipped": {"clipped_share": 0.1}, "quiet": {"loudness_lufs": -60}}
    bad |= {
        "narrow band": {"bandwidth_hz": 2000},
        "little speech": {"speech_share": 0.01},
        "bad quality": {"dnsmos": 1.2},
    }
    bad |= {"unreadable audio": {"error": "broken"}}
    rows = [row(i) for i in range(len(bad) + 1)]
    measures = [AudioMeasures(sha256=r.sha256, **values) for r, values in zip(rows, bad.values(), strict=False)]
    append_measures(tmp_path / QUALITY_FILE, measures)
    corpus = corpus_of(tmp_path, *rows)
    found = {finding.mark: finding.audio for finding in find_problems(corpus, CheckLimits())}
    assert found == {mark: rows[i].audio for i, mark in enumerate(bad)}
    assert [f.mark for f in find_problems(corpus, NO_CHECKS)] == ["unreadable audio"]


def test_checks_find_wrong_texts_languages_speeds_letters_and_copies(tmp_path: Path):
    usual = [row(i, f"this is an ordinary sentence number {i}") for i in range(30)]
    doubtful = {
        "unusual speed": row(30, "x" * 400),
        "another language": row(31, "Сегодня хорошая погода, и мы идём гулять в парк с собакой", "en"),
        "mixed alphabets": row(32, "an оrdinary sentence of letters", "en"),
        "the same audio twice": row(33, "this is an ordinary sentence again", sha256=usual[0].sha256),
        "text and audio disagree": row(34, "this is an ordinary sentence number 34"),
    }
    corpus = corpus_of(tmp_path, *usual, *doubtful.values())
    wrong = doubtful["text and audio disagree"]
    agreement = Agreement(sha256=wrong.sha256, text=wrong.text, model="base", heard="no", disagreement=3)
    append_measures(tmp_path / AGREEMENT_FILE, [agreement])
    found = find_problems(corpus, CheckLimits())
    assert {f.mark: f.audio for f in found if f.mark in doubtful} == {m: r.audio for m, r in doubtful.items()}
    assert not any(f.audio in {r.audio for r in usual} for f in found)
    assert find_problems(corpus, CheckLimits(), model="small") != found


def test_chosen_findings_become_marks_and_are_not_found_again(tmp_path: Path):
    corpus = corpus_of(tmp_path, row(0), row(1), row(2))
    append_measures(
        tmp_path / QUALITY_FILE, [AudioMeasures(sha256=r.sha256, snr_db=i) for i, r in enumerate(corpus.rows)]
    )
    found = find_problems(corpus, CheckLimits(min_snr_db=2))
    assert counts_by_mark(found) == {"noisy": 2}
    assert [f.audio for f in found] == ["audio/0.wav", "audio/1.wav"]  # the worst first
    assert as_edits(found, ["clipped"]) == []
    edit_rows(tmp_path, as_edits(found, ["noisy"]))
    assert [r.marks for r in read_corpus(tmp_path, 1).rows] == [("noisy",), ("noisy",), ()]
    assert find_problems(read_corpus(tmp_path, 1), CheckLimits(min_snr_db=2)) == []
