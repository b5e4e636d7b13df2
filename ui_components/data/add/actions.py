"""Handlers of "Add data": the source, its preview, and the import as a process of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from qal.corpus.importers.conversion.archives import is_archive
from qal.errors import OptionError
from ui_components.app.studio import Studio, current_user
from ui_components.data.add import jobs
from ui_components.data.add.form import AUTOMATIC, ROLES, ImportForm, column_note, form_of
from ui_components.data.add.owners import write_owner
from ui_components.data.add.places import require_source, source_choices
from ui_components.data.add.preview_process import ShownPreview, run_preview
from ui_components.data.add.uploads import Upload, describe_upload, store_upload
from ui_components.data.add.views import jobs_html, preview_html
from ui_components.data.add.wording import in_words_of_the_page
from ui_components.widgets.markup import note_html

NOT_CONFIRMED = "confirm that the recordings may be used, then press Import"
SEEN = "seen "  # before a result that had finished when the page was opened
KEPT = "Drop other files to replace it."

FormValues = Mapping[str, Any]


class SourceShown(NamedTuple):
    """Outputs of `show_source`: the fields of the chosen kind of source."""

    upload: gr.Column
    folder: gr.Column
    hub: gr.Column
    path: Any


class UploadStored(NamedTuple):
    """Outputs of `store_files`."""

    files: None  # the field is emptied for the next upload
    upload: str  # id of the import's folder
    note: str
    name: Any
    preview: str


class PreviewShown(NamedTuple):
    """Outputs of `show_preview`."""

    preview: str
    columns: gr.Accordion
    choices: tuple[gr.Dropdown, ...]  # one per role
    licence: Any
    attribution: Any
    start: gr.Button


class ImportStarted(NamedTuple):
    """Outputs of `start_import`."""

    jobs: str
    preview: str
    upload: str
    upload_note: str
    name: str
    start: gr.Button
    confirmed: bool  # asked again for the next recordings
    columns: gr.Accordion


class JobsShown(NamedTuple):
    """Outputs of `update_jobs`."""

    jobs: Any
    sent: Any  # the HTML that the page has
    arrived: Any  # folder and version of the dataset that was imported last, or checked


def show_source(studio: Studio, kind: str) -> SourceShown:
    """Shows the fields of a kind of source."""
    choices = source_choices(studio) if kind == "folder" else []
    return SourceShown(
        upload=gr.Column(visible=kind == "upload"),
        folder=gr.Column(visible=kind == "folder"),
        hub=gr.Column(visible=kind == "hub"),
        path=gr.Dropdown(choices=choices) if kind == "folder" else gr.skip(),
    )


def store_files(studio: Studio, files: Sequence[Upload] | None, name: str, earlier: str) -> UploadStored:
    """Keeps uploaded files for the preview and the import; those of an earlier upload are deleted."""
    if not files:
        raise OptionError("choose files or an archive first")
    folder = jobs.new_job_folder(studio.data)
    source = store_upload([Upload(*file) for file in files], folder / jobs.SOURCE_FOLDER)
    _delete_upload(studio, earlier)
    described = describe_upload(folder / jobs.SOURCE_FOLDER)
    proposed = dataset_name(source.name.split(".")[0] if source.is_file() else "")
    return UploadStored(
        files=None,
        upload=folder.name,
        note=note_html(f"Uploaded: {described}. {KEPT}"),
        name=proposed if proposed and not name.strip() else gr.skip(),
        preview="",
    )


def dataset_name(text: str) -> str:
    """Returns a text as the name of a dataset, without what such a name cannot have."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in text).strip("-")[:64]


def show_preview(studio: Studio, upload: str, values: FormValues) -> PreviewShown:
    """Reads the source and shows its first examples, its problems and the columns of its table.

    Chosen columns that the table does not have, such as those of an earlier table, are not used."""
    form = complete_form(studio, upload, values)
    work = studio.data.resolve() / jobs.JOBS_FOLDER
    found = run_preview(form.preview_command(), work)
    kept = {role: column for role, column in form.columns.items() if column in found.columns}
    if found.columns and kept != form.columns:
        found = run_preview(form.model_copy(update={"columns": kept}).preview_command(), work)
    return PreviewShown(
        preview=preview_html(found),
        columns=gr.Accordion(visible=bool(found.columns)),
        choices=column_choices(found, form),
        licence=found.licence if not form.licence and found.licence not in ("", "unknown") else gr.skip(),
        attribution=found.attribution if not form.attribution and found.attribution else gr.skip(),
        start=gr.Button(interactive=not found.stops),
    )


def column_choices(preview: ShownPreview, form: ImportForm) -> tuple[gr.Dropdown, ...]:
    """A drop-down for each role: found by name, or one of the table's columns."""
    dropdowns = []
    for role in ROLES:
        found = preview.roles.get(role, "") if not form.columns.get(role) else ""
        automatic = f"{found} (automatic)" if found else "Automatic"
        choices = [(automatic, AUTOMATIC), *((column, column) for column in preview.columns)]
        is_gone = form.columns.get(role, AUTOMATIC) not in (AUTOMATIC, *preview.columns)
        # A value is sent only where it must change: the user may have chosen another column meanwhile
        dropdowns.append(gr.Dropdown(choices=choices, value=AUTOMATIC) if is_gone else gr.Dropdown(choices=choices))
    return tuple(dropdowns)


def complete_form(studio: Studio, upload: str, values: FormValues) -> ImportForm:
    """Returns the form with the path of its source. Raises OptionError for what cannot be used."""
    form = form_of(values)
    if note := column_note(form):
        raise OptionError(note)
    if form.kind == "hub":
        return form
    if form.kind == "folder":
        return form.model_copy(update={"path": str(require_source(studio, form.path))})
    if not upload:
        raise OptionError("choose files or an archive first")
    folder = jobs.job_folder(studio.data, upload) / jobs.SOURCE_FOLDER
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    if not files:
        raise OptionError("the uploaded files are no longer there; upload them again")
    is_one_archive = len(files) == 1 and is_archive(files[0])
    return form.model_copy(update={"path": str(files[0] if is_one_archive else folder)})


def start_import(
    studio: Studio, upload: str, confirmed: bool, values: FormValues, request: gr.Request
) -> ImportStarted:
    """Starts the import in the background. Raises OptionError for a form that cannot be used."""
    if not confirmed:
        raise OptionError(NOT_CONFIRMED)
    form = complete_form(studio, upload, values)
    command = form.import_command(studio.data)
    require_no_import(studio, form.name)
    folder = jobs.job_folder(studio.data, upload) if form.kind == "upload" else jobs.new_job_folder(studio.data)
    job = jobs.new_job(folder, "import", form.name, command, f"Import of {form.name}")
    write_owner(studio.data.resolve() / form.name, current_user(request))
    jobs.start_job(folder, job.model_copy(update={"user": current_user(request)}))
    return ImportStarted(
        jobs=shown_jobs(studio),
        preview="",
        upload="",
        upload_note="",
        name="",
        start=gr.Button(interactive=False),
        confirmed=False,
        columns=gr.Accordion(visible=False),
    )


def require_no_import(studio: Studio, name: str) -> None:
    """Raises OptionError while an import into a dataset of this name runs."""
    for folder, job in jobs.list_jobs(studio.data):
        if job.dataset == name and jobs.job_state(folder, job) == "running":
            raise OptionError(f"{job.title} is running; wait until it has ended, or cancel it")


def update_jobs(studio: Studio, sent: str, arrived: str) -> JobsShown:
    """Shows the jobs; nothing is sent if they are as the page has them.

    What had finished before the page was opened is shown, but its dataset is not selected."""
    shown, newest = shown_jobs(studio), newest_result(studio)
    if not sent:
        newest = f"{SEEN}{newest}"
    elif newest == arrived.removeprefix(SEEN):
        newest = arrived
    if shown == sent and newest == arrived:
        return JobsShown(gr.skip(), gr.skip(), gr.skip())
    return JobsShown(shown, shown, newest)


def shown_jobs(studio: Studio) -> str:
    """The HTML of all jobs. The uploaded files of those that have succeeded are deleted."""
    shown = []
    for folder, job in jobs.list_jobs(studio.data):
        state = jobs.job_state(folder, job)
        notes: Sequence[str] = ()
        if state == "finished":
            jobs.delete_source(folder)
            notes = result_notes(job, jobs.result_of(folder))
        shown.append((job, state, jobs.progress_of(folder), notes))
    return jobs_html(shown)


def newest_result(studio: Studio) -> str:
    """The job that has finished last, with its dataset: "id:kind:name"; "" if none has finished."""
    done = [job for folder, job in jobs.list_jobs(studio.data) if jobs.job_state(folder, job) == "finished"]
    return f"{done[-1].id}:{done[-1].kind}:{done[-1].dataset}" if done else ""


def result_notes(job: jobs.Job, result: Mapping[str, Any]) -> list[str]:
    """Returns sentences about the result of a job."""
    if job.kind == "check":
        counts = result.get("counts", {})
        found = ", ".join(f"{mark} {count:,}" for mark, count in counts.items())
        return [f"Doubtful examples: {found}." if found else "No example is doubtful."]
    left_out = result.get("left_out", [])
    notes = [str(note) for note in result.get("notes_of_import", [])]
    if left_out:
        entries = "1 entry was" if len(left_out) == 1 else f"{len(left_out):,} entries were"
        notes.insert(0, f"{entries} left out, such as {in_words_of_the_page(str(left_out[0]))}")
    return notes


def act_on_job(studio: Studio, event: gr.EventData, request: gr.Request) -> JobsShown:
    """Cancels, continues or deletes the clicked job. Raises OptionError if it belongs to another user."""
    data = event._data if isinstance(event._data, dict) else {}
    action, job_id = next(((name, data[name]) for name in ("stop", "resume", "dismiss") if name in data), ("", ""))
    folder = jobs.job_folder(studio.data, job_id)
    job = jobs.read_job(folder)
    if job is None:
        raise OptionError("this import is no longer there; reload the page")
    studio.require_owner(job.user, job.title, request)
    if action == "stop":
        jobs.cancel_job(folder, job)
    elif action == "resume":
        require_no_import(studio, job.dataset)
        jobs.start_job(folder, job)
    else:
        jobs.discard_job(studio.data, folder, job)
    shown = shown_jobs(studio)
    return JobsShown(shown, shown, newest_result(studio))


def _delete_upload(studio: Studio, upload: str) -> None:
    """Deletes the files of an upload that was not imported."""
    if not upload:
        return
    folder = studio.data.resolve() / jobs.JOBS_FOLDER / Path(upload).name
    if jobs.JOB_ID.fullmatch(upload) and folder.is_dir() and jobs.read_job(folder) is None:
        jobs.delete_source(folder)
        folder.rmdir()
