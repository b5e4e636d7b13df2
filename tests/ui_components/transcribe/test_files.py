"""The table of files: what the queue says, for the user, after a reload and a restart too."""

import gradio as gr
import pytest

from qal.errors import ModelError, OptionError
from qal.transcription.queue import QueuedFile, read_queue
from tests.transcription.streams import OPTIONS, write_sound
from tests.ui_components.conftest import click_event, request_from
from tests.waiting import wait_until
from ui_components.app.studio import Studio
from ui_components.data.add.uploads import Upload
from ui_components.transcribe.files import actions
from ui_components.transcribe.files.outputs import output_options_path
from ui_components.transcribe.files.view import FileRow, files_html
from ui_components.transcribe.start import actions as start_actions
from ui_components.transcribe.start import chosen
from ui_components.transcribe.start.form import ADVANCED, FileOptions
from ui_components.widgets.forms import component_values


def act(studio: Studio, opened: str | None, user: str | None = None, **data: str) -> actions.FileOpened:
    return actions.act_on_file(studio, opened, click_event(_data=data), request_from(user))


def file(**changes) -> QueuedFile:
    return QueuedFile(id="a", source="/x/a.wav", name="a.wav", options=OPTIONS).model_copy(update=changes)


def test_started_file_is_listed_until_it_is_removed_with_its_transcript(studio, start_files):
    opened = start_files("talk <1>.wav")
    shown = actions.update_files(studio, "", opened, request_from())
    assert "talk &lt;1&gt;.wav" in shown.files
    assert "Done" in shown.files
    assert "The sound was scripted." in shown.files
    unchanged = actions.update_files(studio, shown.sent, opened, request_from())
    assert unchanged.files == gr.skip()
    transcript = studio.file_queue.transcript(opened)
    stored = output_options_path(studio, opened)
    assert transcript
    assert transcript.is_done()
    assert stored.is_file()
    removed = act(studio, opened, remove=opened)
    assert removed.opened is None
    assert "talk" not in removed.files
    assert not transcript.folder.exists()
    assert not stored.exists()
    assert (studio.data / "sounds" / "talk <1>.wav").is_file()  # a file of the server is not the page's


def test_restarted_server_lists_the_same_files(studio, start_files):
    opened = start_files()
    wait_until(lambda: [f.state for f in read_queue(studio.transcripts)] == ["done"])
    again = Studio(studio.runs, studio.data, transcripts=studio.transcripts)
    assert [(f.id, f.state) for f in actions.own_files(again, request_from())] == [(opened, "done")]
    assert actions.choose_opened(again, None, {"id": opened}, request_from()) == opened
    assert actions.choose_opened(again, None, {"id": "gone"}, request_from()) == opened
    assert actions.choose_opened(again, None, None, request_from()) == opened


def test_file_that_failed_is_not_opened_in_place_of_one_with_a_text(studio, start_files, tmp_path):
    opened = start_files()
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound")
    failed = studio.file_queue.add(broken, OPTIONS)
    assert studio.file_queue.wait(20)
    assert actions.choose_opened(studio, None, None, request_from()) == opened
    assert actions.choose_opened(studio, None, {"id": failed.id}, request_from()) == failed.id


def test_users_see_and_change_only_their_own_files_and_admins_all(studio, start_files):
    annas, bekeles = start_files("anna.wav", "anna"), start_files("bekele.wav", "bekele")
    nobody = Studio(studio.runs, studio.data, transcripts=studio.transcripts, is_admin=lambda name: False)
    assert [f.id for f in actions.own_files(nobody, request_from("anna"))] == [annas]
    for data in ({"open": bekeles}, {"remove": bekeles}, {"stop": bekeles}):
        with pytest.raises(OptionError, match="belongs to bekele"):
            act(nobody, annas, "anna", **data)
    assert len(actions.own_files(studio, request_from("anna"))) == 2  # is_admin is True for everybody here


@pytest.mark.parametrize("data", [{}, {"remove": "all"}, {"stop": "no such id"}, {"open": ""}])
def test_event_that_names_no_file_changes_nothing(studio, start_files, data):
    opened = start_files()
    with pytest.raises(OptionError):
        act(studio, opened, **data)
    assert [f.id for f in actions.own_files(studio, request_from())] == [opened]


def test_upload_keeps_its_name_and_is_deleted_with_its_file(studio, start_files, tmp_path):
    start_files()  # a scripted model
    source = tmp_path / "upload"
    source.write_text("3 1 7")
    (stored,) = chosen.uploaded(studio, [Upload(str(source), "Réunion [1].mp4")])
    assert stored.name == "Réunion [1].mp4"
    queued = studio.file_queue.add(stored.path, OPTIONS, stored.name)
    assert studio.file_queue.wait(20)
    actions.remove_file(studio, studio.file_queue.find(queued.id))
    assert not stored.path.parent.exists()


def test_row_shows_share_time_left_and_buttons_of_its_state():
    running = file(state="running", settled_s=30.0, duration_s=120.0, eta_s=65.0)
    html = files_html([FileRow(running)], "a")
    assert "25 % · 0:30 of 2:00 · 1:05 left" in html
    assert 'role="progressbar"' in html
    assert "data-in-progress" in html
    assert 'data-pause="a"' in html
    assert "data-remove" not in html
    failed = files_html([FileRow(file(state="failed", reason="a.wav: not <readable>"))], None)
    assert "not &lt;readable&gt;" in failed
    assert ">Try again<" in failed
    assert "data-in-progress" not in failed


def test_files_outside_the_allowed_folders_and_other_models_are_refused(studio, start_files, tmp_path):
    start_files()
    with pytest.raises(OptionError, match="--import-from"):
        chosen.on_server(studio, str(tmp_path / "model"))
    form = (studio, "upload", None, None, None)
    with pytest.raises(OptionError, match="choose files"):
        start_actions.start(*form, "base", "", "transcribe", request_from(), *_defaults())
    with pytest.raises(ModelError, match="qal models fetch"):
        start_actions.start(*form, None, "", "transcribe", request_from())
    with pytest.raises(ModelError, match="no longer"):
        start_actions.start(*form, "/etc", "", "transcribe", request_from())


def test_link_out_of_the_allowed_folders_is_not_followed(studio, tmp_path):
    outside = write_sound(tmp_path / "secret.wav", 3)
    inside = write_sound(studio.data / "sounds" / "a.wav", 3)
    (studio.data / "sounds" / "b.wav").symlink_to(outside)
    assert [file.path.name for file in chosen.on_server(studio, str(studio.data / "sounds"))] == [inside.name]


def _defaults() -> list[object]:
    return list(component_values(ADVANCED, FileOptions()))


class Busy:
    """Live captions whose requests are pending."""

    is_busy = True

    def has_sessions(self) -> bool:
        return self.is_busy

    def has_pending(self) -> bool:
        return self.is_busy


def test_files_wait_while_live_captions_have_pending_requests(studio, start_files):
    object.__setattr__(studio, "live_load", live := Busy())
    opened = start_files(wait=False)
    wait_until(lambda: studio.file_queue.find(opened).state == "running")
    assert not studio.file_queue.wait(0.5)
    live.is_busy = False
    assert studio.file_queue.wait(20)
    assert studio.file_queue.find(opened).state == "done"
