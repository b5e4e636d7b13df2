"""Files of cues as they come: names of cues, code pages, dependent tiers, several languages, and names that differ."""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from qal.corpus.importers.listing import Candidate, ListingOptions, Problem
from qal.corpus.importers.timed.checked import checked_cues
from qal.corpus.importers.timed.cue_text import spoken_text
from qal.corpus.importers.timed.cues import Cue
from qal.corpus.importers.timed.recordings import find_recordings
from qal.corpus.importers.timed.subtitles import read_srt, read_vtt
from qal.corpus.importers.timed.tiers import Tier, read_elan, speech_tiers
from qal.corpus.importers.timed.timed_text import TIMED_TEXT, list_timed_text
from qal.errors import CorpusError
from tests.sounds import sine, write_audio

CUES = [(0.5, 1.5, "Hello you there."), (2.5, 3.5, "And me too."), (4.5, 5.5, "All of us.")]


def write_talk(folder: Path, name: str = "talk.wav") -> None:
    """Writes a recording in which a tone stands for the speech of each cue."""
    samples = np.zeros(7 * 16_000, np.float32)
    for start_s, end_s, _ in CUES:
        at = int(start_s * 16_000)
        tone = sine(300, end_s - start_s, amplitude=0.5)
        samples[at : at + len(tone)] = tone
    write_audio(folder / name, samples)


def clock(time_s: float) -> str:
    return f"00:00:{time_s:06.3f}".replace(".", ",")


def write_srt(path: Path, texts: Sequence[str] = (), encoding: str = "utf-8") -> None:
    cues = [(start, end, text) for (start, end, _), text in zip(CUES, texts or [c[2] for c in CUES], strict=True)]
    content = "".join(f"{i}\n{clock(a)} --> {clock(b)}\n{text}\n\n" for i, (a, b, text) in enumerate(cues, 1))
    path.write_bytes(content.encode(encoding))


def listed(source: Path, language: str = "en") -> tuple[list[Candidate], list[Problem]]:
    entries = list(list_timed_text(source, ListingOptions(language)).entries)
    return [e for e in entries if isinstance(e, Candidate)], [e for e in entries if isinstance(e, Problem)]


def pairs(folder: Path, language: str = "") -> list[tuple[str, str]]:
    found = find_recordings(folder, language)
    return [(pair.recording.name, pair.cue_file.name if pair.cue_file else "") for pair in found]


@pytest.fixture
def spoken_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cues keep their times: the tones of these recordings are no speech."""
    from qal.corpus.importers.timed import timed_text

    monkeypatch.setattr(timed_text, "refined_cues", lambda cues, activity: (cues, []))
    monkeypatch.setattr(timed_text, "estimate_shift", lambda cues, activity: timed_text.NO_SHIFT)


def test_name_of_a_vtt_cue_is_not_read_as_text_of_the_cue_before(tmp_path: Path):
    blocks = [f"intro {i}\n{clock(a)[3:].replace(',', '.')} --> {clock(b)[3:].replace(',', '.')} line:0\n{text}\n"
              for i, (a, b, text) in enumerate(CUES)]  # fmt: skip
    (tmp_path / "a.vtt").write_text("WEBVTT\nKind: captions\n\n" + "\n".join(blocks), "utf-8")
    assert [(cue.start_s, cue.text) for cue in read_vtt(tmp_path / "a.vtt")] == [(a, text) for a, _, text in CUES]


def test_number_that_is_spoken_is_the_text_of_a_cue(tmp_path: Path):
    write_srt(tmp_path / "a.srt", ["42", "Hello", "7"])
    assert [cue.text for cue in read_srt(tmp_path / "a.srt")] == ["42", "Hello", "7"]


@pytest.mark.parametrize(
    ("language", "encoding", "text"),
    [("pl", "cp1250", "Zażółć gęślą jaźń"), ("tr", "cp1254", "Günaydın, şimdi ığ"), ("ru", "cp1251", "Да")],
)
def test_code_page_of_subtitles_follows_the_language_and_is_noted(
    tmp_path: Path, language: str, encoding: str, text: str, spoken_everywhere: None
):
    write_talk(tmp_path)
    write_srt(tmp_path / "talk.srt", [f"{text} 1.", f"{text} 2.", f"{text} 3."], encoding)
    candidates, _ = listed(tmp_path, language)
    assert [c.text for c in candidates] == [f"{text} {i}." for i in (1, 2, 3)]
    assert f"read as {encoding}" in candidates[0].notes[0]


def elan(path: Path, root: str, root_texts: Sequence[str], tiers: dict[str, Sequence[str]]) -> None:
    """Writes an ELAN file with a tier of times and tiers that depend on it."""
    from pympi.Elan import Eaf

    file = Eaf()
    file.add_linguistic_type("utterance")
    file.add_linguistic_type("dependent", constraints="Symbolic_Association", timealignable=False)
    file.add_tier(root, ling="utterance", part="Anna")
    for name in tiers:
        file.add_tier(name, ling="dependent", parent=root, part="Anna")
    for (start_s, end_s, _), text in zip(CUES, root_texts, strict=True):
        file.add_annotation(root, int(start_s * 1000), int(end_s * 1000), text)
    for name, texts in tiers.items():
        for (start_s, _, _), text in zip(CUES, texts, strict=True):
            file.add_ref_annotation(name, root, int(start_s * 1000) + 1, text)
    file.to_file(str(path))


LONG = ["this is the long translation of it", "another quite long translation", "the last of the translations"]


@pytest.mark.parametrize("name", ["ft@Anna", "English", "Free Translation"])
@pytest.mark.parametrize("words", [["Selam", "Buna", "Wuha"], ["Selam new", "Buna alle", "Wuha yellem"]])
def test_translation_that_depends_on_the_speech_is_not_read_as_its_text(tmp_path: Path, name: str, words: list[str]):
    elan(tmp_path / "a.eaf", "tx@Anna", words, {name: LONG})
    assert [cue.text for cue in read_elan(tmp_path / "a.eaf")] == words


def test_speech_below_a_tier_of_names_of_sentences_is_read(tmp_path: Path):
    texts = [text for _, _, text in CUES]
    elan(tmp_path / "a.eaf", "ref@Anna", ["story.001", "story.002", "story.003"], {"tx@Anna": texts, "ft@Anna": LONG})
    assert [cue.text for cue in read_elan(tmp_path / "a.eaf")] == texts


def test_tier_named_as_a_translation_is_no_speech_although_it_is_longer():
    speech = Tier("Anna", [(a, b, text) for a, b, text in CUES])
    translation = Tier("translation", [(a, b, text) for (a, b, _), text in zip(CUES, LONG, strict=True)])
    assert [tier.name for tier in speech_tiers([translation, speech])] == ["Anna"]


def test_subtitles_in_another_language_are_not_taken_for_the_stated_one(tmp_path: Path):
    write_talk(tmp_path)
    for language in ("am", "en"):
        write_srt(tmp_path / f"talk.{language}.srt")
    assert pairs(tmp_path, "en") == [("talk.wav", "talk.en.srt")]
    assert TIMED_TEXT.recognises(tmp_path)
    with pytest.raises(CorpusError, match=r"in am and en, but not in fr"):
        listed(tmp_path, "fr")
    with pytest.raises(CorpusError, match=r"in am and en; choose one with --language"):
        listed(tmp_path, "")


def test_recording_in_two_forms_is_used_once(tmp_path: Path, spoken_everywhere: None):
    for name in ("talk.mp3", "talk.wav"):
        write_talk(tmp_path, name)
    write_srt(tmp_path / "talk.srt")
    candidates, problems = listed(tmp_path)
    assert [c.audio.path.name for c in candidates] == ["talk.wav"] * 3  # pyright: ignore[reportAttributeAccessIssue]
    assert [(p.place, p.is_fault) for p in problems] == [("talk.mp3", False)]


@pytest.mark.parametrize(
    ("recording", "cue_file"),
    [
        (unicodedata.normalize("NFD", "Café.WAV"), unicodedata.normalize("NFC", "café.SRT")),
        ("talk.wav", "talk_subtitles.srt"),
        ("talk.wav", "talk.English.srt"),
        ("talk.wav", "Label Track.txt"),
    ],
)
def test_recording_and_its_cues_are_found_by_names_that_differ(tmp_path: Path, recording: str, cue_file: str):
    write_talk(tmp_path, recording)
    write_srt(tmp_path / cue_file)
    if cue_file.endswith(".txt"):
        (tmp_path / cue_file).write_text("".join(f"{a}\t{b}\t{text}\n" for a, b, text in CUES))
    assert pairs(tmp_path) == [(recording, cue_file)]


def test_cues_are_not_guessed_where_there_are_several_recordings(tmp_path: Path):
    for name in ("a.wav", "b.wav"):
        write_talk(tmp_path, name)
    write_srt(tmp_path / "other.srt")
    assert pairs(tmp_path) == [("a.wav", ""), ("b.wav", "")]


WHISPER_JSON = json.dumps({"text": "", "segments": [{"id": i, "start": a, "end": b, "text": f" {text}"}
                                                    for i, (a, b, text) in enumerate(CUES)]})  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("talk.json", WHISPER_JSON),
        ("talk.tsv", "start\tend\ttext\n" + "".join(f"{a * 1000:.0f}\t{b * 1000:.0f}\t{t}\n" for a, b, t in CUES)),
        ("talk.csv", "start;duration;text\n" + "".join(f"{a};{b - a};{t}\n" for a, b, t in CUES).replace(".0", ",0")),
        ("talk.csv", "start_ms,end_ms,text\n" + "".join(f"{a * 1000:.0f},{b * 1000:.0f},{t}\n" for a, b, t in CUES)),
    ],
)
def test_table_of_times_and_texts_beside_a_recording_holds_its_cues(
    tmp_path: Path, name: str, content: str, spoken_everywhere: None
):
    write_talk(tmp_path)
    (tmp_path / name).write_text(content, "utf-8")
    assert TIMED_TEXT.recognises(tmp_path)
    candidates, problems = listed(tmp_path)
    assert not problems
    assert [c.text for c in candidates] == [text for _, _, text in CUES]
    assert [c.audio.start_s for c in candidates] == [a for a, _, _ in CUES]  # pyright: ignore[reportAttributeAccessIssue]


def test_table_that_names_recordings_is_no_table_of_cues(tmp_path: Path):
    write_talk(tmp_path)
    (tmp_path / "talk.csv").write_text("file,start,end,text\ntalk.wav,0.5,1.5,Hello\n")
    assert not TIMED_TEXT.recognises(tmp_path)


def test_sounds_described_in_capitals_are_not_spoken_where_speech_is_not_in_capitals():
    others = ["Hello you.", "And me.", "All of us.", "That is all."]
    texts = ["PHONE RINGS", "APPLAUSE AND CHEERING", "NO!", "ANNA: HELP ME", *others]
    cues = [Cue(i, i, i + 0.9, text) for i, text in enumerate(texts, 1)]
    spoken, _, unspoken = checked_cues(cues)
    assert [cue.text for cue in spoken] == ["NO!", "HELP ME", *others]
    assert [cue.number for cue, _ in unspoken] == [1, 2]
    capitals = [Cue(i, i, i + 0.9, text) for i, text in enumerate(["PHONE RINGS", "HELLO YOU", "AND ME"], 1)]
    assert len(checked_cues(capitals)[0]) == 3


@pytest.mark.parametrize(
    ("text", "spoken"),
    [("*sighs* Come in.", "Come in."), ("Come in. *laughs*", "Come in."), ("*Never* do that", "*Never* do that")],
)
def test_sound_in_asterisks_beside_speech_is_not_spoken(text: str, spoken: str):
    assert spoken_text(text).text == spoken
