"""Handlers of the Models tab. The browser names models by the keys of the server's inventory only."""

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from huggingface_hub.constants import HF_HUB_CACHE

from qal.engine.catalogue import DEFAULT_MODEL, HUB_MODELS, models_folder
from qal.errors import ModelError, OptionError
from qal.jobs.run import Run
from qal.resources import ADAPTERS
from qal.storage import require_space
from qal.subcommand import qal_command
from ui_components.app.background_commands import LOG_FOLDER
from ui_components.app.studio import Studio, current_user
from ui_components.evaluate.opening import newest_evaluation, newest_html
from ui_components.models import disk, exports, removal
from ui_components.models.inventory import Model, find_model, inventory
from ui_components.models.table import COLUMNS, filter_models, sorted_models, table_html
from ui_components.models.view import commands_html, details_html, download_link
from ui_components.widgets.markup import note_html

EXPORT_SPACE_FACTOR = 3  # free disk space for an export, in sizes of the model


class ModelsUpdate(NamedTuple):
    """Outputs of `update`: the table, the details, and the buttons for the selected model."""

    table: str
    details: str
    try_button: gr.Button
    compare_button: gr.Button
    evaluate_button: gr.Button
    download_button: gr.Button
    export_form: gr.Dropdown
    export_button: gr.Button
    delete_button: gr.Button
    compared: gr.Dropdown


class TableClick(NamedTuple):
    """Outputs of `handle_click`: the selected model, the sort order, and the fields of ModelsUpdate."""

    selected: str | None
    order: str
    table: str
    details: str
    try_button: gr.Button
    compare_button: gr.Button
    evaluate_button: gr.Button
    download_button: gr.Button
    export_form: gr.Dropdown
    export_button: gr.Button
    delete_button: gr.Button
    compared: gr.Dropdown


class CommandsUpdate(NamedTuple):
    """Outputs of `update_commands`. The timer is active while commands run."""

    commands: str
    running_count: int
    timer: gr.Timer


class DeleteQuestion(NamedTuple):
    """Outputs of `ask_delete`: the key of the model, the question, and the row with the buttons."""

    key: str
    question: str
    answer: gr.Row


class DeleteResult(NamedTuple):
    """Outputs of `delete`: no selected model, no question."""

    selected: None
    question: str
    answer: gr.Row


class ClearQuestion(NamedTuple):
    """Outputs of `ask_clear`: "trash" or "cache", the question, the row with the buttons, and its first button."""

    storage: str
    question: str
    answer: gr.Row
    confirm: gr.Button


class ClearResult(NamedTuple):
    """Outputs of `clear`: no question, and the new disk usage."""

    question: str
    answer: gr.Row
    usage: str


def update(studio: Studio, selected: str | None, order: str, words: str, where: str) -> ModelsUpdate:
    """Updates the table and everything that depends on the selected model.

    Args:
        studio: the studio.
        selected: the key of the selected model.
        order: sort order, as in `table_html`.
        words: filter words.
        where: filter by place, as in `filter_models`."""
    models = inventory(studio)
    model = next((m for m in models if m.key == selected), None)
    is_usable = bool(model and model.is_usable)
    is_managed = bool(model and model.directory and model.place != "folder")
    hint = note_html("Select a model to see its details and actions.")
    return ModelsUpdate(
        table=table_html(sorted_models(filter_models(models, words, where), order), selected, order),
        details=details_html(model, newest_html(newest_evaluation(studio, model))) if model else hint,
        try_button=gr.Button(visible=is_usable),
        compare_button=gr.Button(visible=is_usable),
        evaluate_button=gr.Button(visible=is_usable),
        download_button=gr.Button(visible=bool(model and model.directory is None)),
        export_form=gr.Dropdown(visible=is_usable),
        export_button=gr.Button(visible=is_usable),
        delete_button=gr.Button(visible=is_managed),
        compared=gr.Dropdown(choices=[(m.title, m.key) for m in models if m.is_usable]),
    )


def handle_click(
    studio: Studio, selected: str | None, order: str, words: str, where: str, event: gr.EventData
) -> TableClick:
    """Selects the clicked row, or sorts by the clicked column: ascending, descending, then unsorted.

    The parameters are those of `update`. Raises ModelError."""
    column, key = getattr(event, "sort", None), getattr(event, "key", None)
    if column in {c.name for c in COLUMNS}:
        order = f"-{column}" if order == column else "" if order == f"-{column}" else column
    elif isinstance(key, str):
        selected = find_model(studio, key).key
    return TableClick(selected, order, *update(studio, selected, order, words, where))


def download(studio: Studio, selected: str | None, request: gr.Request) -> None:
    """Starts the download of a model.

    Raises ModelError: the model is installed; OptionError: the download is running; StorageError: no space."""
    model = find_model(studio, selected)
    if model.directory is not None:
        raise ModelError(f"'{model.title}' is already on this machine")
    if model.key in HUB_MODELS:
        require_space(Path(HF_HUB_CACHE), model.size, f"the model '{model.title}'")
        command = qal_command("models", "fetch", model.key)
    else:
        command = qal_command("export", str(ADAPTERS / DEFAULT_MODEL), "--to", "ctranslate2")
    title, logs = f"Downloading {model.title}", models_folder() / LOG_FOLDER
    studio.background_commands.start(f"fetch:{model.key}", title, command, logs, user=current_user(request))


def export(studio: Studio, selected: str | None, form: str, request: gr.Request) -> str:
    """Starts an export and returns "", or returns a download link if the export exists."""
    model = find_model(studio, selected)
    if exports.existing_export(studio, model, form):
        return download_link(model.key, form, f"Download {model.title} as a zip file")
    require_space(models_folder(), EXPORT_SPACE_FACTOR * model.size, f"the export of '{model.title}'")
    command = exports.export_command(studio, model, form)
    studio.background_commands.start(
        f"export:{form}:{model.key}",
        f"Exporting {model.title}: {exports.FORMS[form].title}",
        command,
        models_folder() / LOG_FOLDER,
        output_folder=exports.export_folder(model, form),
        user=current_user(request),
    )
    return ""


def update_commands(studio: Studio) -> CommandsUpdate:
    """Shows the running and the ended commands, with download links for finished exports."""
    commands = studio.background_commands.all()
    running_count = sum(command.is_running for command in commands)
    finished = [c for c in commands if c.output_folder and not c.is_running and not c.has_failed]
    links = {command.key: _export_link(command.key) for command in finished}
    return CommandsUpdate(commands_html(commands, links), running_count, gr.Timer(active=running_count > 0))


def _export_link(command_key: str) -> str:
    _, form, model_key = command_key.split(":", 2)
    return download_link(model_key, form, "Download as a zip file")


def stop_or_dismiss(studio: Studio, event: gr.EventData, request: gr.Request) -> None:
    """Stops a running command, or removes an ended one from the list. Raises OptionError if another user owns it."""
    commands = studio.background_commands
    for attribute, act in (("stop", commands.stop), ("dismiss", commands.dismiss)):
        for command in commands.all():
            if command.key == getattr(event, attribute, None):
                studio.require_owner(command.user, f"'{command.title}'", request)
                act(command.key)


def ask_delete(studio: Studio, selected: str | None, request: gr.Request) -> DeleteQuestion:
    """Asks for confirmation, with the effect and the current uses of the model."""
    model = find_model(studio, selected)
    require_delete_permission(studio, model, request)
    sentences = [f"Delete {model.title}?", removal.deletion_effect(model), *removal.usage_warnings(studio, model)]
    return DeleteQuestion(model.key, note_html(" ".join(sentences), problem=True), gr.Row(visible=True))


def delete(studio: Studio, key: str | None, request: gr.Request) -> DeleteResult:
    """Deletes the model of the question. Raises ModelError, TrainingError, OptionError or StorageError."""
    model = find_model(studio, key)
    require_delete_permission(studio, model, request)
    removal.delete_model(studio, model)
    gr.Info(f"{model.title} was {'moved to the trash' if model.place == 'run' else 'deleted'}.")
    return DeleteResult(None, "", gr.Row(visible=False))


def require_delete_permission(studio: Studio, model: Model, request: gr.Request) -> None:
    """Raises OptionError unless the user owns the model's run, or is an admin for shared models."""
    if model.place == "run":
        studio.require_run_owner(Run(studio.runs / model.key), request)
    else:
        require_admin(studio, request)


def require_admin(studio: Studio, request: gr.Request) -> None:
    name = current_user(request)
    if name is not None and not studio.is_admin(name):
        raise OptionError("this is shared by all users of the server; ask an admin to delete it")


def show_disk(studio: Studio, is_open: bool = True) -> Any:
    """The disk usage as HTML. It is computed only while its panel is open."""
    return disk.disk_html(disk.disk_usage(studio)) if is_open else gr.skip()


def ask_clear(studio: Studio, storage: str, request: gr.Request) -> ClearQuestion:
    """Asks for confirmation before the "trash" or the "cache" is emptied."""
    require_admin(studio, request)
    question = disk.confirmation_question(studio, storage)
    if not question:
        gr.Info("There is nothing to delete.")
    return ClearQuestion(
        storage=storage,
        question=note_html(question, problem=True),
        answer=gr.Row(visible=bool(question)),
        confirm=gr.Button(disk.CLEAR_LABELS[storage]),
    )


def clear(studio: Studio, storage: str, request: gr.Request) -> ClearResult:
    """Empties the "trash" or the "cache"."""
    require_admin(studio, request)
    disk.clear_storage(studio, storage)
    return ClearResult("", gr.Row(visible=False), show_disk(studio))
