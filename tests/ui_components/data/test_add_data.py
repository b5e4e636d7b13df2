"""Sources, previews and imports of the page, without a browser."""

import shutil
import time
from pathlib import Path

import gradio as gr
import pytest

from qal.cli.corpus import import_hub, import_path
from qal.cli.parsing import parse_options
from qal.corpus.manifest import read_corpus
from qal.errors import CorpusError, OptionError, StorageError
from tests.sounds import sine, tones_corpus, write_audio
from tests.ui_components.conftest import request_from
from tests.waiting import wait_until
from ui_components.app.studio import Studio
from ui_components.data.add import actions, jobs
from ui_components.data.add.form import ROLES, form_of
from ui_components.data.add.owners import read_owner
from ui_components.data.add.places import require_source, source_choices
from ui_components.data.add.preview_process import ShownPreview
from ui_components.data.add.tab import FIELDS, form_values, preview_again_handler, preview_handler
from ui_components.data.add.uploads import Upload, store_upload
from ui_components.data.add.views import jobs_html, preview_html, progress_facts


def recordings(folder: Path, count: int = 4) -> list[Path]:
    """Recordings with a table of Excel on Windows: semicolons, a byte order mark, backslashes in paths."""
    files = [write_audio(folder / f"take {i} (new).wav", sine(200 + 40 * i, 0.6)) for i in range(count)]
    lines = ["Datei;Satz;Wer", *(f"clips\\{file.name};sentence number {i};Anna" for i, file in enumerate(files))]
    table = folder / "table.csv"
    table.write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    return [*files, table]


def upload(tmp_path: Path, files: list[Path]) -> list[Upload]:
    """Files as Gradio stores them, under other names."""
    folder = tmp_path / "gradio"
    folder.mkdir(exist_ok=True)
    uploads = []
    for i, file in enumerate(files):
        shutil.copy(file, folder / f"{i}.bin")
        uploads.append(Upload(str(folder / f"{i}.bin"), file.name))
    return uploads


def stored(studio, tmp_path: Path) -> str:
    return actions.store_files(studio, upload(tmp_path, recordings(tmp_path / "own")), "", "").upload


def form(**changed) -> dict:
    return {"kind": "upload", "name": "mine", "language": "de", **changed}


COLUMNS = {"file": "Datei", "text": "Satz", "speaker": "Wer"}


def wait_for_job(studio) -> tuple[Path, jobs.Job]:
    ((folder, job),) = jobs.list_jobs(studio.data)
    wait_until(lambda: jobs.job_state(folder, job) != "running")
    return folder, job


def click(**data):
    return gr.EventData(None, data)


def test_upload_is_previewed_with_chosen_columns_imported_and_selected(studio, tmp_path):
    folder = stored(studio, tmp_path)
    shown = actions.show_preview(studio, folder, form(columns=COLUMNS))
    assert "4 examples" in shown.preview
    assert "sentence number 3" in shown.preview
    assert shown.start.interactive is True
    assert {column for _, column in shown.choices[0].choices} == {"", "Datei", "Satz", "Wer"}

    with pytest.raises(OptionError, match="confirm"):
        actions.start_import(studio, folder, False, form(columns=COLUMNS), request_from("anna"))
    started = actions.start_import(studio, folder, True, form(columns=COLUMNS), request_from("anna"))
    assert "data-in-progress" in started.jobs
    assert (started.confirmed, started.columns.visible) == (False, False)
    job_folder, job = wait_for_job(studio)
    corpus = read_corpus(studio.data / "mine")
    assert sorted(row.text for row in corpus.rows) == [f"sentence number {i}" for i in range(4)]
    assert {row.speaker for row in corpus.rows} == {"Anna"}
    done = actions.update_jobs(studio, started.jobs, "")
    assert "Imported <b>mine</b>" in done.jobs
    assert done.arrived == f"{job.id}:import:mine"
    assert not (job_folder / jobs.SOURCE_FOLDER).exists()
    assert read_owner(studio.data / "mine") == "anna"
    assert actions.update_jobs(studio, done.sent, done.arrived).jobs == gr.skip()
    opened_later = actions.update_jobs(studio, "", "")
    assert (opened_later.jobs, opened_later.arrived) == (done.jobs, f"{actions.SEEN}{done.arrived}")
    assert actions.update_jobs(studio, opened_later.sent, opened_later.arrived).arrived == gr.skip()


@pytest.mark.parametrize(
    ("main", "source"),
    [
        (import_hub, {"kind": "hub", "repository": "owner/name", "config": "am_et", "split": "train[:5]"}),
        (import_path, {"kind": "folder", "path": "folder"}),
    ],
)
def test_every_field_of_the_form_is_an_option_of_the_command_for_preview_and_import(tmp_path, main, source):
    options = {"licence": "MIT", "attribution": "Anna", "no_text": True, "max_problems": 5.0}
    filled = form_of(form(**source, **options, columns=COLUMNS))
    model = main.HubOptions if main is import_hub else main.PathOptions
    for command in (filled.preview_command(), filled.import_command(tmp_path)):
        arguments = command[command.index("import") + 2 :]
        parsed = parse_options("qal corpus import", "", model, arguments)
        assert (parsed.max_problems, parsed.licence, parsed.no_text) == (0.05, "MIT", True)
        assert parsed.dry_run == (parsed.out is None)


def test_preview_of_the_hub_without_a_network_says_so(studio, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CorpusError, match="no connection to the hub"):
        actions.show_preview(studio, "", form(kind="hub", repository="owner/name", split="train"))


def test_table_with_unknown_columns_offers_them(studio, tmp_path):
    shown = actions.show_preview(studio, stored(studio, tmp_path), form())
    assert "Choose the columns of the table above" in shown.preview
    assert "no column for" in shown.preview
    assert (shown.columns.visible, shown.start.interactive) == (True, False)
    assert {column for _, column in shown.choices[0].choices} == {"", "Datei", "Satz", "Wer"}


def test_columns_that_were_chosen_for_an_earlier_table_do_not_stop_the_preview(studio, tmp_path):
    given = recordings(tmp_path / "own")
    given[-1].write_text("file,text\n" + "\n".join(f"{file.name},words" for file in given[:-1]))
    folder = actions.store_files(studio, upload(tmp_path, given), "", "").upload
    shown = actions.show_preview(studio, folder, form(columns=COLUMNS))
    assert "4 examples" in shown.preview
    assert shown.start.interactive is True


def test_preview_leaves_chosen_columns_as_they_are_and_resets_those_that_are_gone(studio, tmp_path):
    """A preview takes seconds; the user may have chosen another column when its result arrives."""
    chosen = form_of(form(columns={**COLUMNS, "split": "of another table"}))
    choices = actions.column_choices(ShownPreview(columns=("Datei", "Satz", "Wer")), chosen)
    assert [role for role, choice in zip(ROLES, choices, strict=True) if "value" in choice.constructor_args] == [
        "split"
    ]


@pytest.mark.parametrize(
    ("change", "files", "advice"),
    [
        ({"language": "", "columns": COLUMNS}, 4, "give one under Language"),
        ({}, 4, "choose under Columns of the table"),
        ({"columns": COLUMNS, "max_problems": 1}, 0, "allow more under Licence and options"),
    ],
)
def test_advice_of_a_preview_names_fields_of_the_page_and_no_option_of_the_command_line(
    studio, tmp_path, change, files, advice
):
    given = recordings(tmp_path / "own")
    table = given.pop()
    if not files:
        table.write_text(table.read_text() + "\r\n".join(["", *(f"none-{i}.wav;words {i};Anna" for i in range(3))]))
    folder = actions.store_files(studio, upload(tmp_path, [*given, table]), "", "").upload
    try:
        shown = actions.show_preview(studio, folder, form(**change)).preview
    except CorpusError as error:
        shown = str(error)
    assert advice in shown
    assert "--" not in shown


def test_preview_follows_the_language_if_one_is_shown(studio, tmp_path):
    folder = stored(studio, tmp_path)
    values = {**dict.fromkeys(FIELDS, ""), **form(language=""), "no_text": False, "max_problems": 10}
    values = [*(values[name] for name in FIELDS), *(COLUMNS.get(role, "") for role in ROLES)]
    shown = preview_handler(studio, folder, *values)
    assert "The import would stop: the source names no language" in shown[0]
    assert "sentence number 3" in shown[0]
    assert shown[4].interactive is False
    unchanged = preview_again_handler(studio, "", folder, *values)
    assert len(unchanged) == len(shown)
    assert all(value == gr.skip() for value in unchanged)
    values[FIELDS.index("language")] = "de"
    assert preview_again_handler(studio, shown[0], folder, *values)[4].interactive is True


def test_source_that_cannot_be_imported_says_why_and_is_not_started(studio, tmp_path):
    folder = studio.data / "silence"
    folder.mkdir(parents=True)
    (folder / "a.wav").write_bytes(b"no audio")
    shown = actions.show_preview(studio, "", form(kind="folder", path=str(folder)))
    assert "The import would stop" in shown.preview
    assert "a.wav" in shown.preview
    assert shown.start.interactive is False
    with pytest.raises(CorpusError, match="language"):
        actions.show_preview(studio, "", form(kind="folder", path=str(folder), language="deutsch!"))


def test_import_survives_a_restart_of_the_page_and_shows_its_progress(studio, tmp_path):
    folder = jobs.new_job_folder(studio.data)
    script = "import sys, time; print('import: 25%|x| 2/8 [00:01<00:03, 2 entries/s]', end='\\r'); time.sleep(60)"
    job = jobs.start_job(folder, jobs.new_job(folder, "import", "mine", ["python3", "-c", script], "Import of mine"))
    restarted = Studio(studio.runs, studio.data, studio.configs)
    wait_until(lambda: "25 %" in actions.shown_jobs(restarted))
    assert "00:03 left" in actions.shown_jobs(restarted)
    with pytest.raises(OptionError, match="is running"):
        actions.require_no_import(restarted, "mine")
    with pytest.raises(OptionError, match="cancel it first"):
        jobs.discard_job(studio.data, folder, job)
    cancelled = actions.act_on_job(restarted, click(stop=job.id), request_from())
    assert "was cancelled" in cancelled.jobs
    assert f'data-resume="{job.id}"' in cancelled.jobs
    assert actions.act_on_job(restarted, click(dismiss=job.id), request_from()).jobs == ""
    assert not folder.exists()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import:  25%|##5   | 2/8 [00:01<00:03,  2.0 entries/s, 0.01 h of speech, 0 problems]", "25 % · 00:03 left"),
        ("audio:  50%|#####     | 4/8 [01:00<01:02:00,  1.2example/s]", "measuring audio · 50 % · 01:02:00 left"),
        ("text and audio:   0%|          | 0/8 [00:00<?, ?example/s]", "comparing text and audio · 0 %"),
        ("unpack: 0 entries [00:00, ? entries/s]", "unpacking"),
        ("import: 12 entries [00:03,  4.00 entries/s]", ""),
        ("Loading: 1 file", ""),
    ],
)
def test_progress_of_a_command_is_its_stage_its_share_and_the_time_left(tmp_path, line, expected):
    (tmp_path / jobs.LOG_FILE).write_text(f"a first line\n\r{line}\r")
    assert " · ".join(progress_facts(jobs.progress_of(tmp_path))) == expected


def test_interrupted_import_is_continued_by_the_same_command(studio, tmp_path):
    folder = stored(studio, tmp_path)
    actions.start_import(studio, folder, True, form(columns=COLUMNS), request_from())
    job_folder, job = wait_for_job(studio)
    shutil.rmtree(studio.data / "mine")
    (job_folder / jobs.LOG_FILE).write_text("import:  50%|x| 2/4 [00:01<00:01, 2 entries/s]")
    assert "was interrupted" in actions.shown_jobs(studio)
    shutil.copytree(tmp_path / "own", job_folder / jobs.SOURCE_FOLDER, dirs_exist_ok=True)
    actions.act_on_job(studio, click(resume=job.id), request_from())
    job_folder, job = wait_for_job(studio)
    assert jobs.job_state(job_folder, job) == "finished"
    assert len(read_corpus(studio.data / "mine").rows) == 4


def test_failed_import_gives_the_reason_of_its_command(studio, tmp_path):
    folder = stored(studio, tmp_path)
    actions.start_import(studio, folder, True, form(columns={"text": "no such column"}), request_from())
    job_folder, job = wait_for_job(studio)
    assert jobs.job_state(job_folder, job) == "failed"
    assert "no such column" in actions.shown_jobs(studio)


def test_import_of_another_user_is_not_cancelled(studio):
    shared = Studio(studio.runs, studio.data, studio.configs, is_admin=lambda name: False)
    folder = jobs.new_job_folder(studio.data)
    job = jobs.new_job(folder, "import", "mine", ["true"], "Import of mine")
    job = jobs.start_job(folder, job.model_copy(update={"user": "anna"}))
    for action in ("stop", "resume", "dismiss"):
        with pytest.raises(OptionError, match="belongs to anna"):
            actions.act_on_job(shared, click(**{action: job.id}), request_from("eve"))
    for job_id in ("../x", "", None, "0" * 16, ["x"]):
        with pytest.raises(OptionError, match="no longer there"):
            actions.act_on_job(shared, click(stop=job_id), request_from("anna"))


def test_only_folders_that_the_server_allows_are_sources(studio, tmp_path):
    allowed, private = tmp_path / "allowed", tmp_path / "private"
    for folder in (allowed / "speech", private / "speech", studio.data / ".imports" / "x", studio.data / "raw"):
        folder.mkdir(parents=True)
    (allowed / "out").symlink_to(private)
    tones_corpus(studio.data / "tones", 2)
    own = Studio(studio.runs, studio.data, studio.configs, import_from=(allowed,))
    assert [label for label, _ in source_choices(own)] == ["allowed/out", "allowed/speech", "data/raw"]
    assert require_source(own, "speech") == allowed / "speech"
    assert require_source(own, str(studio.data / "raw")) == studio.data / "raw"
    for path in (
        *(str(private / "speech"), "../private/speech", "/etc", "~", str(allowed), str(allowed / "out" / "speech")),
        *(str(studio.data / ".imports" / "x"), ".imports/x", "a\0b", "none", str(allowed / ".." / "private")),
    ):
        with pytest.raises(OptionError):
            require_source(own, path)
    with pytest.raises(OptionError, match="choose a folder"):
        require_source(own, None)


@pytest.mark.parametrize(
    ("name", "stored_name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\sound\\take 1 (new).wav", "take 1 (new).wav"),
        (".hidden", "hidden"),
        ("a\nb\0.wav", "a_b_.wav"),
        ("..", "file"),
        ("x" * 300 + ".wav", "x" * 196 + ".wav"),
    ],
)
def test_uploaded_file_keeps_its_name_but_never_leaves_its_folder(tmp_path, name, stored_name):
    (tmp_path / "1.bin").write_bytes(b"x")
    folder = store_upload([Upload(str(tmp_path / "1.bin"), name)], tmp_path / "job" / "source")
    assert [path.name for path in folder.iterdir()] == [stored_name]
    assert [path.name for path in (tmp_path / "job").iterdir()] == ["source"]


def test_equal_files_of_two_users_are_one_upload_of_gradio_and_both_are_kept(tmp_path: Path):
    upload = Upload(str(tmp_path / "1.bin"), "talk.wav")
    Path(upload.path).write_bytes(b"sound")
    folders = [store_upload([upload], tmp_path / user) for user in ("a", "b")]
    assert [(folder / "talk.wav").read_bytes() for folder in folders] == [b"sound"] * 2
    Path(upload.path).unlink()
    with pytest.raises(StorageError, match="upload it again"):
        store_upload([upload], tmp_path / "c")


def test_two_uploads_of_one_name_are_both_kept(tmp_path):
    for i in range(2):
        (tmp_path / f"{i}").write_bytes(b"x")
    folder = store_upload([Upload(str(tmp_path / f"{i}"), "a.wav") for i in range(2)], tmp_path / "source")
    assert sorted(path.name for path in folder.iterdir()) == ["a-2.wav", "a.wav"]


def test_another_upload_replaces_the_first_and_abandoned_ones_are_deleted(studio, tmp_path, monkeypatch):
    first = stored(studio, tmp_path)
    second = actions.store_files(studio, upload(tmp_path, recordings(tmp_path / "own")), "x", first)
    assert not (studio.data / jobs.JOBS_FOLDER / first).exists()
    assert second.name == gr.skip()
    jobs.list_jobs(studio.data)
    assert (studio.data / jobs.JOBS_FOLDER / second.upload).exists()
    monkeypatch.setattr(time, "time", lambda: 1e10)
    jobs.list_jobs(studio.data)
    assert not (studio.data / jobs.JOBS_FOLDER / second.upload).exists()


@pytest.mark.parametrize(
    "change",
    [
        *({"name": name} for name in ("", "../x", "-x", "tones", "a b")),
        {"kind": "hub", "repository": ""},
        {"kind": "hub", "repository": "--help"},
        {"licence": "x" * 500},
        {"columns": {"text": "a,b"}},
    ],
)
def test_form_that_cannot_be_used_is_refused(studio, tmp_path, change):
    tones_corpus(studio.data / "tones", 2)
    with pytest.raises(OptionError):
        actions.start_import(studio, stored(studio, tmp_path), True, form(**change), request_from())


def test_values_of_the_form_never_become_other_options():
    values = {"kind": "hub", "repository": "a/b", "name": "x", "attribution": "--force", "split": "train[:5]"}
    command = form_of(values).import_command(Path("data"))
    assert "--attribution=--force" in command
    assert "--split=train[:5]" in command
    assert "--force" not in command


def test_form_values_have_the_names_of_their_components():
    values = form_values((*(f"v-{name}" for name in FIELDS), *("" for _ in ROLES[1:]), "column"))
    assert values["repository"] == "v-repository"
    assert values["columns"] == {ROLES[-1]: "column"}


def test_texts_of_a_source_are_escaped_in_the_preview_and_the_jobs():
    bad = "<img src=x>"
    preview = ShownPreview.model_validate(
        {"format_title": bad, "rows": [{"text": bad}], "problems": [bad], "notes": bad, "stops": bad}
    )
    job = jobs.Job(id="0" * 16, kind="import", dataset=bad, title=bad, command=())
    failed = jobs_html([(job, "failed", jobs.JobProgress(None, "", f"error: {bad}"), [bad])])
    for html in (preview_html(preview), failed):
        assert "<img" not in html
        assert "&lt;img" in html
