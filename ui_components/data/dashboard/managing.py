"""Handlers that change a whole dataset: check its quality, split it anew, rename it, delete it."""

import secrets
from pathlib import Path
from typing import NamedTuple

import gradio as gr

from qal.corpus.corrections import CORPUS_NAME
from qal.corpus.resplit import UNIT_NAMES, resplit
from qal.engine.catalogue import resolve
from qal.errors import CorpusError, OptionError, QalError
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import list_runs
from qal.jobs.status import ENDED
from qal.storage import storage_errors
from qal.subcommand import qal_command
from ui_components.app.studio import Studio, current_user
from ui_components.data.add import jobs
from ui_components.data.add.actions import require_no_import, shown_jobs
from ui_components.data.add.owners import delete_owner, read_owner, rename_owner
from ui_components.data.corpora import require_folder
from ui_components.widgets.choices import allowed_models, first_available, model_choices
from ui_components.widgets.markup import note_html

TRASH = ".trash"  # in the data folder
NO_MODEL = ("No model: audio only", "")


class ManageQuestion(NamedTuple):
    """Outputs of the handlers that ask: what waits for a confirmation, the row, and the question."""

    pending: "PendingChange | None"
    row: gr.Row
    question: str


class PendingChange(NamedTuple):
    """A change of a dataset that waits for its confirmation."""

    action: str  # "delete", "rename" or "split"
    folder: str
    value: str = ""  # the new name, or the unit of the split


class ChangeDone(NamedTuple):
    """Outputs of `confirm`."""

    pending: None
    row: gr.Row
    question: str
    folder: str  # the dataset that is shown next; empty: the first one


def require_dataset(studio: Studio, folder: str | None, request: gr.Request | None) -> Path:
    """Returns the folder of a dataset that the user may change. Raises OptionError if it belongs to another user."""
    path = require_folder(studio.data, folder)
    studio.require_owner(read_owner(path), f"the dataset {path.name}", request)
    return path


def update_models(studio: Studio, current: str | None) -> gr.Dropdown:
    """Lists the models that can compare text and audio."""
    choices = [NO_MODEL, *model_choices(studio.runs, studio.model)]
    return gr.Dropdown(choices=choices, value=first_available(choices, current, ""))


def start_check(studio: Studio, folder: str | None, model: str | None, request: gr.Request) -> str:
    """Measures the audio of a dataset in the background; with a model, compares text and audio too.

    Returns the HTML of the jobs."""
    path = require_folder(studio.data, folder)
    require_no_import(studio, path.name)
    if model and model not in allowed_models(studio.runs, studio.model):
        raise OptionError("choose a model of the list")
    with_model = [f"--model={resolve(model, studio.runs)}"] if model else []
    command = qal_command("corpus", "check", str(path.resolve()), "--json", *with_model)
    job_folder = jobs.new_job_folder(studio.data)
    job = jobs.new_job(job_folder, "check", path.name, command, f"Check of {path.name}")
    jobs.start_job(job_folder, job.model_copy(update={"user": current_user(request)}))
    return shown_jobs(studio)


def ask_split(studio: Studio, folder: str | None, by: str, request: gr.Request) -> ManageQuestion:
    """Asks whether a dataset should be split anew."""
    path = require_dataset(studio, folder, request)
    unit = next((singular for name, (singular, _) in UNIT_NAMES.items() if name == by), None)
    if unit is None:
        raise OptionError("choose by what to split")
    effect = "Scores of earlier runs are then not comparable with new ones."
    return _ask(PendingChange("split", str(path), by), f"Split '{path.name}' anew by {unit}? {effect}")


def ask_rename(studio: Studio, folder: str | None, name: str, request: gr.Request) -> ManageQuestion:
    """Asks whether a dataset should be renamed. Raises OptionError for a name that cannot be used."""
    path = require_dataset(studio, folder, request)
    name = name.strip()
    if not CORPUS_NAME.fullmatch(name):
        raise OptionError("a dataset name has 1 to 64 letters, digits, - or _; choose such a name")
    if (path.parent / name).exists():
        raise OptionError(f"there is a dataset '{name}' already; choose another name")
    effect = " ".join(usage_notes(studio, path))
    return _ask(PendingChange("rename", str(path), name), f"Rename '{path.name}' to '{name}'? {effect}")


def ask_delete(studio: Studio, folder: str | None, request: gr.Request) -> ManageQuestion:
    """Asks whether a dataset should be deleted."""
    path = require_dataset(studio, folder, request)
    effect = " ".join(["It is moved to the trash of the data folder.", *usage_notes(studio, path)])
    return _ask(PendingChange("delete", str(path)), f"Delete '{path.name}' with its audio? {effect}")


def _ask(pending: PendingChange, question: str) -> ManageQuestion:
    return ManageQuestion(pending, gr.Row(visible=True), note_html(question))


def cancel(studio: Studio) -> ManageQuestion:
    return ManageQuestion(None, gr.Row(visible=False), "")


def confirm(studio: Studio, pending: PendingChange | None, request: gr.Request) -> ChangeDone:
    """Does what was asked. The owner is checked again, because time has passed."""
    if pending is None:
        raise OptionError("nothing waits for a confirmation; choose the action again")
    change = PendingChange(*pending)
    path = require_dataset(studio, change.folder, request)
    require_no_import(studio, path.name)
    shown = str(path)
    if change.action == "split":
        resplit(path, change.value)  # type: ignore[arg-type]  # checked by `ask_split`
    elif change.action == "rename":
        shown = str(rename_dataset(path, change.value))
    else:
        delete_dataset(path)
        shown = ""
    return ChangeDone(None, gr.Row(visible=False), "", shown)


def rename_dataset(path: Path, name: str) -> Path:
    """Renames the folder of a dataset. Raises CorpusError if the new name is taken."""
    target = path.with_name(name)
    if target.exists():
        raise CorpusError(f"there is a dataset '{name}' already; choose another name")
    with storage_errors(f"the dataset {path}"):
        path.rename(target)
        rename_owner(path, target)
    return target


def delete_dataset(path: Path) -> Path:
    """Moves a dataset to the trash and returns its new path. Raises CorpusError for a link, whose target stays."""
    if path.is_symlink():
        raise CorpusError(f"{path} is a symbolic link; its target is not deleted")
    trash = path.parent / TRASH
    with storage_errors(f"the dataset {path}"):
        trash.mkdir(exist_ok=True)
        target = trash / f"{path.name}-{secrets.token_hex(4)}"
        path.rename(target)
        delete_owner(path)
    return target


def usage_notes(studio: Studio, path: Path) -> list[str]:
    """A sentence for the runs that train on the dataset or need it to be resumed."""
    names = []
    for run in list_runs(studio.runs):
        state = run.status().state
        if state != "finished" and _trains_on(run.config_file, path):
            names.append(f"{run.id} ({state if state in ENDED else 'in progress'})")
    if not names:
        return []
    return [f"{'Run' if len(names) == 1 else 'Runs'} {', '.join(names[:3])} would no longer find it."]


def _trains_on(config_file: Path, path: Path) -> bool:
    try:
        folders = load_config(config_file).corpus_folders
    except (QalError, OSError):  # a run whose settings cannot be read needs no dataset
        return False
    return any(Path(folder).resolve() == path.resolve() for folder in folders)
