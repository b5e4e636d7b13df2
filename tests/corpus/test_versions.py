"""Versions of a corpus: recorded, compared and restored; and the pointer file for DVC."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from qal.cli.corpus.versions import diff_main, restore_main, versions_main
from qal.corpus.edit import RowEdit, edit_rows
from qal.corpus.manifest import Corpus, Row, read_corpus, write_corpus
from qal.corpus.versions.diff import describe_diff, diff_rows
from qal.corpus.versions.dvc_file import write_dvc_file
from qal.corpus.versions.history import (
    find_version,
    keep_versions,
    list_versions,
    read_version,
    record_version,
    restore_version,
)
from qal.errors import CorpusError
from tests.sounds import tones_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return tones_corpus(tmp_path / "corpus", 6)


def edited(corpus: Corpus, number: int, **changes: Any) -> Corpus:
    rows = list(read_corpus(corpus.folder).rows)
    rows[number] = rows[number].model_copy(update=changes)
    return write_corpus(corpus.folder, corpus.info, rows)


def test_each_version_has_a_hash_a_parent_and_a_note(corpus: Corpus):
    first = record_version(corpus.folder, "first\n note")
    second = edited(corpus, 0, text="corrected")
    recorded = record_version(corpus.folder, "a text was corrected")
    assert (first.version, first.parent, first.note) == (corpus.info.version, "", "first note")
    assert (recorded.version, recorded.parent) == (second.info.version, corpus.info.version)
    assert list_versions(corpus.folder) == [first, recorded]
    assert read_corpus(corpus.folder).info.version == second.info.version


def test_state_that_is_recorded_twice_is_one_version(corpus: Corpus):
    assert record_version(corpus.folder, "one") == record_version(corpus.folder, "two")
    assert len(list_versions(corpus.folder)) == 1


def test_earlier_version_is_read_as_it_was(corpus: Corpus):
    first = record_version(corpus.folder)
    edited(corpus, 2, split="test", marks=("noise",))
    assert read_version(corpus.folder, first).rows == corpus.rows


def test_restored_version_is_the_present_state_and_the_state_before_is_kept(corpus: Corpus):
    first = record_version(corpus.folder)
    second = edited(corpus, 2, text="unrecorded correction")
    restored = restore_version(corpus.folder, first)
    assert (restored.rows, restored.info) == (corpus.rows, corpus.info)
    assert [v.version for v in list_versions(corpus.folder)] == [
        corpus.info.version,
        second.info.version,
        corpus.info.version,
    ]
    restore_version(corpus.folder, find_version(corpus.folder, second.info.version))
    assert read_corpus(corpus.folder).rows == second.rows


def test_damaged_manifest_is_replaced_by_a_recorded_version(corpus: Corpus, capsys: pytest.CaptureFixture[str]):
    first = record_version(corpus.folder, "first")
    (corpus.folder / "manifest.jsonl").write_bytes(b'{"audio": "cut of')
    with pytest.raises(CorpusError, match="line 1 is invalid"):
        versions_main([str(corpus.folder)])
    assert first.version[:12] in capsys.readouterr().out
    assert restore_version(corpus.folder, first).rows == corpus.rows
    assert read_corpus(corpus.folder).rows == corpus.rows


def test_versions_are_kept_where_an_unreadable_dataset_is_replaced(corpus: Corpus, tmp_path: Path):
    first = record_version(corpus.folder, "first")
    (corpus.folder / "manifest.jsonl").write_bytes(b'{"audio": "cut of')
    (tmp_path / "new").mkdir()
    assert keep_versions(corpus.folder, tmp_path / "new")
    assert list_versions(tmp_path / "new") == [first]


def test_version_whose_recordings_are_missing_is_not_restored(corpus: Corpus):
    first = record_version(corpus.folder)
    write_corpus(corpus.folder, corpus.info, corpus.rows[1:])
    (corpus.folder / corpus.rows[0].audio).unlink()
    with pytest.raises(CorpusError, match=r"1 recordings of version .* are missing, such as 'audio/0.wav'"):
        restore_version(corpus.folder, first)
    assert len(read_corpus(corpus.folder).rows) == 5


def test_damaged_or_altered_version_is_an_error(corpus: Corpus):
    first = record_version(corpus.folder)
    stored = corpus.folder / f"versions/{first.version}.jsonl.gz"
    stored.write_bytes(gzip.compress(b"{}\n"))
    with pytest.raises(CorpusError, match="does not have the content of its version"):
        restore_version(corpus.folder, first)
    stored.write_bytes(b"damaged")
    with pytest.raises(CorpusError, match="missing or damaged"):
        restore_version(corpus.folder, first)
    assert read_corpus(corpus.folder).rows == corpus.rows


def test_torn_last_line_of_the_log_is_ignored_and_a_damaged_one_is_named(corpus: Corpus):
    record_version(corpus.folder)
    log = corpus.folder / "versions/log.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"version": "ab')
    assert len(list_versions(corpus.folder)) == 1
    log.write_bytes(b"{}\n" + whole)
    with pytest.raises(CorpusError, match="line 1 is invalid"):
        list_versions(corpus.folder)


@pytest.mark.parametrize("version", ["", "abc", "zzzzzzzz", "../../../etc/passwd"])
def test_unknown_version_names_those_there_are(corpus: Corpus, version: str):
    record_version(corpus.folder)
    with pytest.raises(CorpusError, match=f"the latest ones are {corpus.info.version[:12]}"):
        find_version(corpus.folder, version)


def row(name: str, **values: Any) -> Row:
    fields = {"text": name, "language": "en", "duration_s": 1.0, "split": "train", "sha256": name.rjust(64, "0")}
    return Row(audio=f"audio/{name}.wav", **{**fields, **values})


def test_diff_names_added_removed_and_changed_rows():
    before = [row("a"), row("b"), row("c"), row("d")]
    after = [row("a"), row("b", text="new", marks=("noise", "short")), row("d", split="test"), row("e")]
    diff = diff_rows(before, after)
    assert [r.audio for r in diff.added] == ["audio/e.wav"]
    assert [r.audio for r in diff.removed] == ["audio/c.wav"]
    assert [(c.audio, c.field, c.before, c.after) for c in diff.changes] == [
        ("audio/b.wav", "text", "b", "new"),
        ("audio/b.wav", "marks", "", "noise; short"),
        ("audio/d.wav", "split", "train", "test"),
    ]
    assert describe_diff(diff, 2)[0] == (
        "1 added, 1 removed, 1 with changed text, 1 with changed split, 1 with changed marks"
    )
    assert describe_diff(diff, 2)[-1] == "and 3 more"


def test_renamed_recording_is_a_change_and_no_new_row():
    diff = diff_rows([row("a")], [row("a").model_copy(update={"audio": "audio/renamed.wav"})])
    assert (diff.added, diff.removed, [c.field for c in diff.changes]) == ((), (), ["audio"])


def test_commands_list_compare_and_restore_versions(corpus: Corpus, capsys: pytest.CaptureFixture[str]):
    folder = str(corpus.folder)
    versions_main([folder, "--record", "as imported"])
    assert f"* {corpus.info.version[:12]}" in capsys.readouterr().out
    edited(corpus, 0, text="corrected")
    versions_main([folder, "--json"])
    printed = capsys.readouterr().out
    assert "not recorded" in printed
    assert json.loads(printed.splitlines()[-1])["versions"][0]["note"] == "as imported"
    diff_main([folder, "--json"])
    printed = capsys.readouterr().out
    assert "~ audio/0.wav: text: tone number 0 -> corrected" in printed
    assert json.loads(printed.splitlines()[-1])["counts"] == {"added": 0, "removed": 0, "text": 1}
    restore_main([folder, corpus.info.version[:8]])
    assert read_corpus(corpus.folder).rows == corpus.rows


def test_diff_without_recorded_versions_says_how_to_record(corpus: Corpus):
    with pytest.raises(CorpusError, match="--record"):
        diff_main([str(corpus.folder)])


def test_dvc_file_has_the_hashes_that_dvc_computes(corpus: Corpus):
    path = write_dvc_file(corpus.folder)
    assert path == corpus.folder.with_name("corpus.dvc")
    outs = {out["path"]: out for out in yaml.safe_load(path.read_text())["outs"]}
    manifest = (corpus.folder / "manifest.jsonl").read_bytes()
    assert outs["corpus/manifest.jsonl"] == {
        "md5": hashlib.md5(manifest).hexdigest(),
        "size": len(manifest),
        "hash": "md5",
        "path": "corpus/manifest.jsonl",
    }
    content = (corpus.folder / "audio/0.wav").read_bytes()
    md5 = hashlib.md5(content).hexdigest()
    listing = ", ".join(f'{{"md5": "{md5}", "relpath": "{i}.wav"}}' for i in range(6))
    audio = outs["corpus/audio"]
    assert audio["md5"] == hashlib.md5(f"[{listing}]".encode()).hexdigest() + ".dir"
    assert (audio["nfiles"], audio["size"]) == (6, 6 * len(content))


def test_missing_dataset_leaves_no_lock_file(tmp_path: Path):
    with pytest.raises(CorpusError):
        record_version(tmp_path / "nowhere")
    with pytest.raises(CorpusError):
        edit_rows(tmp_path / "nowhere", [RowEdit(audio="a.wav", text="one")])
    assert not list(tmp_path.iterdir())
