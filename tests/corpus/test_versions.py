"""Versions of a corpus: recorded, compared and restored; and the pointer file for DVC."""

import gzip
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from qal.cli.corpus.versions import diff_main, restore_main, versions_main
from qal.corpus.edit import RowEdit, add_mark, edit_rows
from qal.corpus.manifest import Corpus, Row, read_corpus, write_corpus
from qal.corpus.resplit import resplit
from qal.corpus.versions.diff import describe_diff, diff_rows
from qal.corpus.versions.dvc_file import write_dvc_file
from qal.corpus.versions.history import (
    BEFORE_NOTE,
    SHARED_S,
    find_version,
    keep_versions,
    read_version,
    record_version,
    restore_version,
)
from qal.corpus.versions.store import list_versions
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
    present = edited(corpus, 0, text="corrected")
    record_version(corpus.folder)
    stored = corpus.folder / f"versions/{first.version}.jsonl.gz"
    stored.write_bytes(gzip.compress(b"{}\n"))
    with pytest.raises(CorpusError, match="does not have the content of its version"):
        restore_version(corpus.folder, first)
    stored.write_bytes(b"damaged")
    with pytest.raises(CorpusError, match="missing or damaged"):
        restore_version(corpus.folder, first)
    assert read_corpus(corpus.folder).rows == present.rows


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


def recorded(corpus: Corpus) -> list[str]:
    return [version.note for version in list_versions(corpus.folder)]


def edit(corpus: Corpus, number: int, **changes: Any) -> Corpus:
    return edit_rows(corpus.folder, [RowEdit(audio=corpus.rows[number].audio, **changes)])


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time()
    monkeypatch.setattr("qal.corpus.versions.history.time.time", lambda: now + seconds)


def test_edits_that_follow_each_other_share_a_version_that_counts_them(corpus: Corpus):
    edit(corpus, 0, text="one")
    edit(corpus, 1, text="two", split="test")
    last = edit(corpus, 2, add_marks=("noisy",))
    assert recorded(corpus) == [BEFORE_NOTE, "edits: marks 1, split 1, text 2"]
    first, shared = list_versions(corpus.folder)
    assert (shared.version, shared.parent, shared.marked) == (last.info.version, first.version, 1)
    assert read_version(corpus.folder, first).rows == corpus.rows
    assert read_version(corpus.folder, shared).rows == last.rows
    stored = {path.name for path in (corpus.folder / "versions").iterdir()}
    assert stored == {"log.jsonl", f"{first.version}.jsonl.gz", f"{shared.version}.jsonl"}


def test_edit_after_a_pause_begins_another_version(corpus: Corpus, monkeypatch: pytest.MonkeyPatch):
    edit(corpus, 0, text="one")
    later(monkeypatch, SHARED_S + 1)
    edit(corpus, 1, text="two")
    assert recorded(corpus) == [BEFORE_NOTE, "edits: text 1", "edits: text 1"]


def test_edits_that_cancel_each_other_leave_no_version(corpus: Corpus):
    record_version(corpus.folder, "as imported")
    edit(corpus, 0, add_marks=("noisy",))
    edit(corpus, 0, remove_all_marks=True)
    assert recorded(corpus) == ["as imported"]
    assert read_version(corpus.folder, list_versions(corpus.folder)[0]).rows == corpus.rows


def test_edit_of_many_examples_has_a_version_of_its_own(corpus: Corpus):
    edit(corpus, 0, text="one")
    add_mark(corpus.folder, [r.audio for r in corpus.rows[:4]], "noisy")
    edit(corpus, 0, text="two")
    assert recorded(corpus) == [BEFORE_NOTE, "edits: text 1", "edits: marks 4", "edits: text 1"]


def test_change_that_was_made_outside_is_recorded_before_an_edit(corpus: Corpus):
    record_version(corpus.folder, "as imported")
    by_hand = edited(corpus, 3, text="written by hand")
    edit(corpus, 0, text="one")
    assert recorded(corpus) == ["as imported", BEFORE_NOTE, "edits: text 1"]
    assert list_versions(corpus.folder)[1].version == by_hand.info.version


def test_note_of_a_user_keeps_the_version_of_edits(corpus: Corpus):
    edit(corpus, 0, text="one")
    kept = record_version(corpus.folder, "first hour corrected")
    edit(corpus, 1, text="two")
    assert recorded(corpus) == [BEFORE_NOTE, "first hour corrected", "edits: text 1"]
    assert not kept.automatic


def test_new_split_and_restored_version_are_recorded(corpus: Corpus):
    resplit(corpus.folder, "text")
    restore_version(corpus.folder, list_versions(corpus.folder)[0])
    assert recorded(corpus) == [BEFORE_NOTE, "split by text", f"restored version {corpus.info.version[:12]}"]


def test_many_edits_store_a_bounded_number_of_manifests(corpus: Corpus, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qal.corpus.versions.history.MAX_AUTOMATIC", 4)
    record_version(corpus.folder, "as imported")
    edit(corpus, 5, text="kept")
    record_version(corpus.folder, "checked by a person")
    monkeypatch.setattr("qal.corpus.versions.history.SHARED_S", 0)
    for number in range(9):
        edit(corpus, 0, text=f"text {number}")
    versions = list_versions(corpus.folder)
    assert [v.note for v in versions] == ["as imported", "checked by a person", *["edits: text 1"] * 4]
    assert len(list((corpus.folder / "versions").iterdir())) == 1 + len(versions)
    assert [read_version(corpus.folder, v).rows[0].text for v in versions[2:]] == [f"text {n}" for n in (5, 6, 7, 8)]


def test_edit_is_not_applied_if_the_versions_cannot_be_read(corpus: Corpus):
    record_version(corpus.folder)
    log = corpus.folder / "versions/log.jsonl"
    log.write_bytes(b"{}\n" + log.read_bytes())
    with pytest.raises(CorpusError, match="line 1 is invalid"):
        edit(corpus, 0, text="one")
    assert read_corpus(corpus.folder).rows == corpus.rows


def test_manifest_in_utf_16_is_stored_as_its_version_says(corpus: Corpus):
    path = corpus.folder / "manifest.jsonl"
    path.write_bytes(path.read_text().encode("utf-16"))
    version = record_version(corpus.folder)
    assert read_version(corpus.folder, version).rows == corpus.rows


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
