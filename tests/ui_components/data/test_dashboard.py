"""Edits of clips and of whole datasets from the page."""

import gradio as gr
import pytest

from qal.corpus.manifest import read_corpus
from qal.corpus.split import SPLITS
from qal.errors import CorpusError, OptionError
from tests.sounds import spoken_corpus, tones_corpus
from tests.ui_components.conftest import request_from
from tests.waiting import wait_until
from ui_components.app.studio import Studio
from ui_components.data import actions
from ui_components.data.add import jobs
from ui_components.data.add.owners import read_owner, write_owner
from ui_components.data.corpora import FILTER_FIELDS, TableFilter
from ui_components.data.dashboard import editing, managing


@pytest.fixture
def folder(studio) -> str:
    return str(tones_corpus(studio.data / "tones", 20).folder)


def values(**changed) -> tuple:
    wanted = TableFilter(**changed)
    return tuple(getattr(wanted, name) for name in FILTER_FIELDS)


def opened_clip(studio, folder: str, index: int = 0) -> actions.ClipOpened:
    return actions.open_clip(studio, folder, gr.EventData(None, {"row": index}))


def row_of(folder: str, audio: str):
    return next(row for row in read_corpus(actions.Path(folder)).rows if row.audio == audio)


def test_text_and_split_of_a_clip_are_saved_and_shown(studio, folder):
    clip = opened_clip(studio, folder).opened
    saved = editing.save_clip(studio, clip, "  a corrected\ntext ", "test")
    assert (saved.text, saved.split, saved.opened.text) == ("a corrected text", "test", "a corrected text")
    row = row_of(folder, clip.audio)
    assert (row.text, row.split) == ("a corrected text", "test")
    with pytest.raises(CorpusError, match="changed by someone else"):
        editing.save_clip(studio, clip, "mine", "test")
    assert editing.save_clip(studio, saved.opened, "mine", "train").text == "mine"


def test_clip_is_marked_and_used_again(studio, folder):
    clip = opened_clip(studio, folder).opened
    marked = editing.mark_clip(studio, clip, "noisy")
    assert marked.unmark.visible is True
    assert row_of(folder, clip.audio).marks == ("noisy",)
    assert editing.unmark_clip(studio, clip).unmark.visible is False
    assert row_of(folder, clip.audio).marks == ()
    with pytest.raises(CorpusError, match="mark has"):
        editing.mark_clip(studio, clip, " ")


def test_edit_without_an_opened_clip_or_of_another_folder_is_refused(studio, folder, tmp_path):
    with pytest.raises(CorpusError, match="select a clip first"):
        editing.save_clip(studio, None, "x", "train")
    elsewhere = tones_corpus(tmp_path / "elsewhere", 2).folder
    with pytest.raises(CorpusError, match="choose a dataset"):
        editing.mark_clip(studio, actions.OpenedClip(str(elsewhere), "audio/0.wav", ""), "noisy")
    with pytest.raises(OptionError, match="split"):
        editing.save_clip(studio, opened_clip(studio, folder).opened, "x", "none")


def test_all_matching_clips_are_marked_only_after_a_confirmation(studio, folder):
    asked = editing.ask_mark(studio, folder, "noisy", *values(search="number 1"))
    assert "Mark 15 clips as “noisy”?" in asked.question
    assert not any(row.marks for row in read_corpus(actions.Path(folder)).rows)
    assert editing.cancel_bulk(studio).pending is None
    editing.confirm_bulk(studio, asked.pending)
    assert sum(bool(row.marks) for row in read_corpus(actions.Path(folder)).rows) == 15
    shown = actions.refresh(studio, None, folder, 0, None, *values(shown="mark:noisy"))
    assert "of 15 clips" in shown.position
    assert ("Marked: noisy (15)", "mark:noisy") in shown.shown.choices
    again = editing.ask_unmark(studio, folder, *values())
    assert "15 clips" in again.question
    editing.confirm_bulk(studio, again.pending)
    assert not any(row.marks for row in read_corpus(actions.Path(folder)).rows)
    with pytest.raises(CorpusError, match="no marked clip"):
        editing.ask_unmark(studio, folder, *values())
    with pytest.raises(CorpusError, match="no clip matches"):
        editing.ask_mark(studio, folder, "noisy", *values(search="nothing like this"))


def test_dataset_is_split_anew_renamed_and_deleted_only_after_a_confirmation(studio, folder):
    request = request_from()
    asked = managing.ask_split(studio, folder, "text", request)
    assert "not comparable" in asked.question
    done = managing.confirm(studio, asked.pending, request)
    assert done.folder == folder
    info = read_corpus(actions.Path(folder)).info
    assert (info.split_by, {*info.utterances}) == ("text", {*SPLITS})

    renamed = managing.confirm(studio, managing.ask_rename(studio, folder, "better", request).pending, request)
    assert renamed.folder == str(studio.data / "better")
    assert not actions.Path(folder).exists()

    asked = managing.ask_delete(studio, renamed.folder, request)
    assert "trash" in asked.question
    assert (studio.data / "better").exists()
    assert managing.confirm(studio, asked.pending, request).folder == ""
    assert not (studio.data / "better").exists()
    assert [path.name.startswith("better-") for path in (studio.data / managing.TRASH).iterdir()] == [True]
    assert actions.update_choices(studio, None).corpus.choices == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", "tones", "with space", "x" * 65])
def test_name_that_is_taken_or_could_be_a_path_is_refused(studio, folder, name):
    with pytest.raises(OptionError):
        managing.ask_rename(studio, folder, name, request_from())


def test_dataset_of_another_user_is_changed_by_its_owner_and_admins_only(studio, folder):
    shared = Studio(studio.runs, studio.data, studio.configs, is_admin=lambda name: name == "root")
    write_owner(actions.Path(folder), "anna")
    for ask in (
        lambda request: managing.ask_delete(shared, folder, request),
        lambda request: managing.ask_rename(shared, folder, "new", request),
        lambda request: managing.ask_split(shared, folder, "text", request),
        lambda request: managing.confirm(shared, managing.PendingChange("delete", folder), request),
    ):
        with pytest.raises(OptionError, match="belongs to anna"):
            ask(request_from("eve"))
    managing.ask_delete(shared, folder, request_from("root"))
    done = managing.confirm(
        shared, managing.ask_rename(shared, folder, "new", request_from("anna")).pending, request_from("anna")
    )
    assert read_owner(actions.Path(done.folder)) == "anna"
    from_command_line = str(tones_corpus(studio.data / "older", 2).folder)
    with pytest.raises(OptionError, match="belongs to no user"):
        managing.ask_delete(shared, from_command_line, request_from("anna"))


def test_linked_dataset_is_not_deleted(studio, tmp_path):
    target = tones_corpus(tmp_path / "target", 2).folder
    studio.data.mkdir()
    (studio.data / "link").symlink_to(target)
    with pytest.raises(CorpusError, match="symbolic link"):
        managing.delete_dataset(studio.data / "link")
    assert (target / "manifest.jsonl").exists()


def test_quality_is_checked_in_the_background_with_progress_and_shown_in_the_dashboard(studio, english_corpus):
    folder = str(spoken_corpus(studio.data / "spoken", english_corpus, 4).folder)
    assert "Checking <b>spoken</b>" in managing.start_check(studio, folder, "", request_from())
    ((job_folder, job),) = jobs.list_jobs(studio.data)
    wait_until(lambda: jobs.job_state(job_folder, job) != "running")
    assert jobs.job_state(job_folder, job) == "finished"
    log = (job_folder / jobs.LOG_FILE).read_text()
    assert [int(bar[1]) for bar in jobs.BAR.finditer(log)][-1] == 4
    charts = actions.refresh(studio, None, folder, 0, None, *values()).charts
    assert '"snr_db"' in charts
    with pytest.raises(OptionError, match="model of the list"):
        managing.start_check(studio, folder, "/etc", request_from())
