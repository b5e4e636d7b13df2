"""Tables that name files outside of the imported folder, damaged tables, compressed bombs: problems, nothing else."""

import gzip
import os
from pathlib import Path

import pytest

from qal.corpus.importers.layouts import lines
from qal.corpus.importers.layouts.kaldi import KALDI
from qal.corpus.importers.layouts.lhotse_manifests import LHOTSE
from qal.corpus.importers.layouts.lines import Line, read_lines
from qal.corpus.importers.layouts.ljspeech import LJSPEECH
from qal.corpus.importers.layouts.minds14 import MINDS14
from qal.corpus.importers.layouts.nemo import NEMO
from qal.corpus.importers.listing import Candidate, ListingOptions, Problem
from tests import dataset_layouts as layouts
from tests.dataset_layouts import add_recordings, audio_name, entries_of, source_of, write_json_lines, write_text

HOSTILE_PATHS = [
    "../secret.wav",
    "audio/../../secret.wav",
    "..\\secret.wav",
    "C:\\data\\secret.wav",
    "/etc/passwd",
    "/proc/self/mem",
    "/dev/zero",
    "{outside}/secret.wav",
    "link.wav",
    "folder-link/secret.wav",
    "loop.wav",
    "pipe.wav",
    "~/secret.wav",
    "https://example.org/a.wav",
    "file:///etc/passwd",
    "",
    "   ",
    ".",
    "audio",
    "a\0b.wav",
    "x" * 5000,
    "missing.wav",
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a recording inside, and one outside that links inside lead to."""
    add_recordings(tmp_path, "outside/secret.wav", "source/audio/good.wav")
    folder = tmp_path / "source"
    (folder / "link.wav").symlink_to(tmp_path / "outside/secret.wav")
    (folder / "folder-link").symlink_to(tmp_path / "outside")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    os.mkfifo(folder / "pipe.wav")
    return folder


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_path_that_leads_out_of_the_folder_is_a_problem_with_its_line(source: Path, path: str):
    path = path.format(outside=source.parent / "outside")
    good = {"audio_filepath": "audio/good.wav", "duration": 0.5, "text": "good"}
    write_json_lines(source / "manifest.json", [{**good, "audio_filepath": path}, good])
    candidates, problems = entries_of(NEMO, source)
    assert [c.text for c in candidates] == ["good"]
    assert [p.place for p in problems] == ["manifest.json, line 1"]


@pytest.mark.parametrize("path", [p for p in HOSTILE_PATHS if p.strip() and "\0" not in p])
def test_paths_of_kaldi_and_lhotse_stay_inside_too(source: Path, path: str):
    path = path.format(outside=source.parent / "outside")
    write_text(source / "kaldi/wav.scp", f"a {path}\nb audio/good.wav\n")
    write_text(source / "kaldi/text", "a words\nb words\n")
    assert [audio_name(c, source) for c in entries_of(KALDI, source)[0]] == ["audio/good.wav"]
    sources = [{"type": "file", "channels": [0], "source": path}]
    write_json_lines(source / "recordings.jsonl.gz", [{"id": "r", "sources": sources, "duration": 1}])
    supervision = {"id": "s", "recording_id": "r", "start": 0, "duration": 1, "text": "words"}
    write_json_lines(source / "supervisions.jsonl.gz", [supervision])
    candidates, problems = entries_of(LHOTSE, source)
    assert (candidates, len(problems)) == ([], 1)


def test_absolute_paths_inside_the_folder_and_of_another_computer_are_found(source: Path):
    good = {"duration": 0.5, "text": "good"}
    inside, elsewhere, windows = str(source / "audio/good.wav"), "/other/data/audio/good.wav", "D:\\x\\audio\\good.wav"
    objects = [{**good, "audio_filepath": path} for path in (inside, elsewhere, windows, "audio\\good.wav")]
    write_json_lines(source / "manifest.json", objects)
    candidates, problems = entries_of(NEMO, source)
    assert [audio_name(c, source) for c in candidates] == ["audio/good.wav"] * 4
    assert not problems


def test_table_that_is_a_link_to_another_file_is_not_read(source: Path):
    secret = write_text(source.parent / "outside/metadata.csv", "good|a secret text\n")
    add_recordings(source, "wavs/good.wav")
    (source / "metadata.csv").symlink_to(secret)
    candidates, problems = entries_of(LJSPEECH, source)
    assert (candidates, len(problems)) == ([], 1)
    assert "secret" not in str(problems[0])


@pytest.mark.parametrize(
    "line",
    ["[]", "null", "1", "{", '"text"', "{}", "[" * 100_000, '{"audio_filepath": 3, "duration": []}', "\udcff"],
)
def test_line_that_is_no_object_of_a_manifest_is_a_problem(source: Path, line: str):
    good = '{"audio_filepath": "audio/good.wav", "duration": 0.5, "text": "good"}\n'
    content = good.encode() + line.encode("utf-8", "surrogateescape") + b"\n" + good.encode()
    (source / "manifest.json").write_bytes(content)
    candidates, problems = entries_of(NEMO, source)
    assert len(candidates) == 2
    assert [p.place for p in problems] == ["manifest.json, line 2"]


@pytest.mark.parametrize("values", [{"supervisions": 3}, {"recording": []}, {"type": None}, {"supervisions": [1]}])
def test_lhotse_cut_of_another_shape_makes_no_candidate(source: Path, values: dict[str, object]):
    recording = {"sources": [{"type": "file", "channels": [0], "source": "audio/good.wav"}], "duration": 1}
    cut = {"id": "c", "type": "MonoCut", "start": 0, "recording": recording, "supervisions": [{"text": "no times"}]}
    write_json_lines(source / "cuts.jsonl", [cut, {**cut, **values}])
    candidates, problems = entries_of(LHOTSE, source)
    assert not candidates
    assert problems


def test_compressed_bomb_is_given_up_at_its_limit(source: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lines, "MIN_GROWN_BYTES", 100_000)
    monkeypatch.setattr(lines, "MAX_GROWTH", 10)
    bomb = source / "bomb.jsonl.gz"
    bomb.write_bytes(gzip.compress(b'{"a": 1}\n' * 50_000))
    entries = list(read_lines(source_of(source), bomb))
    assert sum(isinstance(entry, Line) for entry in entries) <= 100_000 / 9
    assert isinstance(entries[-1], Problem)
    assert "is no table" in entries[-1].reason


def test_line_without_end_is_not_read_into_memory(source: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    path = write_text(source / "long.txt", "short\n" + "x" * 100_000)
    first, last = read_lines(source_of(source), path)
    assert isinstance(first, Line)
    assert "longer than 1,000 bytes" in str(last)


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8b", b"no gzip at all", gzip.compress(b"line\n" * 9, mtime=0)[:-6]])
def test_damaged_compressed_table_ends_with_a_problem_or_nothing(source: Path, damage: bytes):
    path = source / "damaged.jsonl.gz"
    path.write_bytes(damage)
    entries = list(read_lines(source_of(source), path))
    assert all(isinstance(entry, Problem) for entry in entries[-1:])
    assert not any(isinstance(entry, Candidate) for entry in entries)


def test_byte_order_mark_and_windows_line_ends_are_no_part_of_a_text(source: Path):
    add_recordings(source, "wavs/good.wav")
    (source / "metadata.csv").write_bytes("\ufeffgood|a text\r\n".encode())
    candidates, _ = entries_of(LJSPEECH, source)
    assert [c.text for c in candidates] == ["a text"]


def test_missing_text_is_a_problem_and_the_other_rows_go_on(source: Path):
    layouts.ljspeech(source)
    write_text(source / "metadata.csv", "LJ001-0001|\nLJ001-0002|here\nLJ001-0001\n")
    candidates, problems = entries_of(LJSPEECH, source)
    assert [c.text for c in candidates] == ["here"]
    assert [p.place for p in problems] == ["metadata.csv, line 1", "metadata.csv, line 3"]


def test_recordings_in_a_further_folder_are_found_only_if_the_user_names_it(source: Path):
    good = {"audio_filepath": "secret.wav", "duration": 0.5, "text": "good"}
    outside = source.parent / "outside"
    write_json_lines(source / "manifest.json", [good, {**good, "audio_filepath": str(outside / "secret.wav")}])
    assert not entries_of(NEMO, source)[0]
    candidates, problems = entries_of(NEMO, source, ListingOptions(audio_folders=(outside,)))
    assert [audio_name(c, outside) for c in candidates] == ["secret.wav", "secret.wav"]
    assert not problems


@pytest.mark.parametrize("line", ['"a.wav,b,c,d\rx,y,z', "a\rb,c,d,e", '"' + "x" * 200_000 + '",b,c,d'])
def test_line_of_a_csv_table_that_cannot_be_split_is_a_problem(source: Path, line: str):
    (source / "text").mkdir()
    header, good = "filepath,text,translation,intent\n", "good.wav,words,words,none\n"
    (source / "text/en-US.csv").write_bytes(f"{header}{line}\n{good}".encode())
    candidates, problems = entries_of(MINDS14, source)
    assert [c.text for c in candidates] == ["words"]
    assert [p.place for p in problems] == ["text/en-US.csv, line 2"]
