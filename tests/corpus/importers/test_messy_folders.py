"""Folders, archives and texts as they come: loose names, links, cut-off files, what would be lost without a word."""

import os
import shutil
import struct
import tarfile
import unicodedata
import zipfile
from pathlib import Path

import pytest

from qal.corpus.importers import folder as folder_format
from qal.corpus.importers.import_source import preview
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.importers.results import Preview
from tests.corpus.importers.sources import run_import, write_clips


def shown(source: Path, language: str = "en", **options: bool) -> Preview:
    return preview(source, ListingOptions(language, **options), max_problem_share=1.0)  # pyright: ignore[reportArgumentType]


def reasons(found: Preview) -> dict[str, tuple[str, bool]]:
    return {problem.place: (problem.reason, problem.is_fault) for problem in found.problems}


@pytest.mark.parametrize(
    ("audio", "text"),
    [
        ("a.wav", "a.TXT"),
        ("C.WAV", "c.txt"),
        (unicodedata.normalize("NFD", "é.wav"), unicodedata.normalize("NFC", "é.txt")),
        ("wav/a.wav", "txt/a.txt"),
        ("wav48/p225/p225_001.wav", "txt/p225/p225_001.txt"),
        ("anna/audio/1.wav", "anna/Transcripts/1.lab"),
        ("1.wav", "text/1.txt"),
    ],
)
def test_text_of_a_recording_is_found_by_a_loose_name_and_in_a_folder_of_texts(tmp_path: Path, audio: str, text: str):
    write_clips(tmp_path, [audio])
    (tmp_path / text).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / text).write_text("Hello you")
    assert [(row.audio, row.text) for row in shown(tmp_path).rows] == [(audio, "Hello you")]


def test_rich_text_is_not_taken_for_a_text(tmp_path: Path):
    write_clips(tmp_path, ["a.wav"])
    (tmp_path / "a.txt").write_text("{\\rtf1\\ansi Hello\\par}")
    assert "rich text" in shown(tmp_path).problems[0].reason


def test_texts_whose_names_differ_in_capitals_are_not_mixed_up(tmp_path: Path):
    write_clips(tmp_path, ["a.wav", "A.wav", "B.wav"])
    for name in ("a.txt", "A.txt", "b.txt", "b.TXT"):
        (tmp_path / name).write_text(f"text of {name}")
    assert [(row.audio, row.text) for row in shown(tmp_path).rows] == [
        ("A.wav", "text of A.txt"),
        ("a.wav", "text of a.txt"),
    ]


def test_text_of_another_speaker_is_not_taken(tmp_path: Path):
    write_clips(tmp_path, ["wav/anna/1.wav", "wav/ben/1.wav"])
    (tmp_path / "txt/anna").mkdir(parents=True)
    (tmp_path / "txt/anna/1.txt").write_text("Hello you")
    assert [row.audio for row in shown(tmp_path).rows] == ["wav/anna/1.wav"]


def test_recording_in_two_forms_with_one_text_is_used_once(tmp_path: Path):
    write_clips(tmp_path, ["a.mp3", "a.wav"])
    (tmp_path / "a.txt").write_text("Hello you")
    found = shown(tmp_path)
    assert [row.audio for row in found.rows] == ["a.wav"]
    assert reasons(found) == {"a.mp3": ("is another form of a.wav, which is used", False)}


def test_link_that_is_not_followed_is_named(tmp_path: Path):
    write_clips(tmp_path, ["in/a.wav", "elsewhere/b.wav"])
    for name in ("in/a.txt", "in/gone.txt", "elsewhere/b.txt"):
        (tmp_path / name).write_text("Hello you")
    (tmp_path / "in/gone.wav").symlink_to("nowhere.wav")
    (tmp_path / "in/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    found = shown(tmp_path / "in")
    assert [row.audio for row in found.rows] == ["a.wav"]
    assert sorted(reasons(found)) == ["gone.wav", "more"]
    assert "is a link to a folder elsewhere" in reasons(found)["more"][0]
    assert "is a link to a file that is not there" in reasons(found)["gone.wav"][0]


def test_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_clips(tmp_path, ["a.wav", "closed/b.wav"])
    (tmp_path / "a.txt").write_text("Hello you")
    walk = os.walk

    def closed_walk(top, onerror=None, **settings):
        for parent, folders, names in walk(top, **settings):
            if os.path.basename(parent) == "closed" and onerror:
                onerror(PermissionError(13, "Permission denied", parent))
            else:
                yield parent, folders, names

    monkeypatch.setattr(folder_format.os, "walk", closed_walk)
    assert "cannot be read; check its permissions" in reasons(shown(tmp_path))["closed"][0]


def test_single_recording_is_a_source(tmp_path: Path):
    write_clips(tmp_path, ["a.wav", "b.wav"])
    (tmp_path / "a.txt").write_text("Hello you")
    assert [row.text for row in shown(tmp_path / "a.wav").rows] == ["Hello you"]
    assert [row.audio for row in shown(tmp_path / "b.wav", no_text=True).rows] == ["b.wav"]
    assert "no transcript found" in shown(tmp_path / "b.wav").problems[0].reason


@pytest.mark.parametrize("rate_hz", [16_000, 8_000])
def test_wav_file_that_is_cut_off_is_no_example_of_its_whole_text(tmp_path: Path, rate_hz: int):
    out, tmp_path = tmp_path / "out", tmp_path / "in"
    write_clips(tmp_path, ["a.wav", "b.wav", "c.wav"], rate_hz)
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(f"Hello {name}")
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[: len(whole) // 2])
    at = (tmp_path / "b.wav").read_bytes().index(b"data")
    streamed = (tmp_path / "b.wav").read_bytes()
    (tmp_path / "b.wav").write_bytes(streamed[: at + 4] + struct.pack("<I", 0xFFFFFFFF) + streamed[at + 8 :])
    for found in (shown(tmp_path), run_import(tmp_path, out)):
        assert [problem.place for problem in found.problems] == ["a.wav"]
        assert "is cut off" in found.problems[0].reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tom &amp; Jerry&#39;s <b>big</b> day<br/>now", "Tom & Jerry's big day now"),
        ("a < b and AT&T; c > d", "a < b and AT&T; c > d"),
        ("\ufeffH\u00ade\u200flo \u202ayou\u202c", "Helo you"),
        (unicodedata.normalize("NFD", "été"), unicodedata.normalize("NFC", "été")),
        ("نمی\u200cخواهم", "نمی\u200cخواهم"),
        ("<laughter> yes", "<laughter> yes"),
    ],
)
def test_text_has_no_markup_and_one_spelling_of_each_letter(tmp_path: Path, text: str, expected: str):
    write_clips(tmp_path, ["a.wav"])
    (tmp_path / "t.csv").write_text(f"file;text\na.wav;{text}\n" if ";" not in text else f'file;text\na.wav;"{text}"\n')
    row = shown(tmp_path).rows[0]
    assert row.text == expected
    assert any("markup" in note for note in row.notes) == ("<b>" in text)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tgz"])
def test_archive_is_unpacked_by_its_content_and_not_by_its_name(tmp_path: Path, name: str):
    write_clips(tmp_path / "in", ["a.wav"])
    (tmp_path / "in/a.txt").write_text("Hello you")
    archive = tmp_path / name
    if name == "a.zip":
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(tmp_path / "in", "in")
    else:
        with zipfile.ZipFile(archive, "w") as file:
            file.write(tmp_path / "in/a.wav", "a.wav")
            file.write(tmp_path / "in/a.txt", "a.txt")
    shutil.rmtree(tmp_path / "in")
    assert [row.text for row in shown(archive).rows] == ["Hello you"]
