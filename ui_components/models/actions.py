"""What happens on the Models tab. The browser names models by the keys of the server's own list, nothing else."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from huggingface_hub.constants import HF_HUB_CACHE

from qal.audio.decode import decode
from qal.audio.samples import Samples, seconds
from qal.engine.catalogue import DEFAULT_MODEL, HUB, models_folder
from qal.engine.languages import check_language
from qal.engine.longform import transcribe_file
from qal.errors import AudioDecodeError, ModelError, OptionError, QalError
from qal.evaluation.error_rates import count_errors
from qal.jobs.run import Run
from qal.resources import ADAPTERS
from qal.storage import require_space
from qal.subcommand import qal_command
from ui_components.app.background_commands import LOGS
from ui_components.app.studio import Studio, user_of
from ui_components.models import disk, exports, removal
from ui_components.models.comparison_view import Heard, heard_html
from ui_components.models.inventory import Model, find_model, inventory
from ui_components.models.table import COLUMNS, matching, sorted_models, table_html
from ui_components.models.view import details_html, download_link, errands_html
from ui_components.widgets.markup import minutes, note_html

MAX_COMPARED = 6
NO_CLIP = "choose an audio file or record one first"
WAITING = "Choose a clip and the models that hear it, then press Transcribe. What they make of it stands here."


def show(studio: Studio, chosen: str | None, order: str, words: str, where: str) -> list[Any]:
    """-> (table, details, try, compare, download, export's form, export, delete, models that can hear a clip)"""
    models = inventory(studio)
    model = next((m for m in models if m.key == chosen), None)
    here, ours = bool(model and model.is_here), bool(model and model.directory and model.place != "folder")
    fetchable = bool(model and model.directory is None)
    return [
        table_html(sorted_models(matching(models, words, where), order), chosen, order),
        details_html(model) if model else note_html("Press a model's name to see more of it, and what can be done."),
        *(gr.Button(visible=here) for _ in ("try", "compare")),
        gr.Button(visible=fetchable),
        gr.Dropdown(visible=here),
        gr.Button(visible=here),
        gr.Button(visible=ours),
        gr.Dropdown(choices=[(m.title, m.key) for m in models if m.is_here]),
    ]


def pick(
    studio: Studio, chosen: str | None, order: str, words: str, where: str, event: gr.EventData
) -> tuple[str | None, str, *tuple[Any, ...]]:
    """A row or the head of a column was pressed -> (chosen, order, what `show` gives)."""
    column, key = getattr(event, "sort", None), getattr(event, "key", None)
    if column in {c.name for c in COLUMNS}:
        order = f"-{column}" if order == column else "" if order == f"-{column}" else column
    elif isinstance(key, str):
        chosen = find_model(studio, key).key
    return chosen, order, *show(studio, chosen, order, words, where)


def to_compare(studio: Studio, chosen: str | None, hearing: list[str] | None) -> list[str]:
    """The chosen model joins those that hear the clip."""
    key = find_model(studio, chosen).key
    return [*(hearing or []), *([key] if key not in (hearing or []) else [])]


def only(studio: Studio, chosen: str | None) -> list[str]:
    return [find_model(studio, chosen).key]


def hear(
    studio: Studio,
    path: str | None,
    keys: list[str] | None,
    language: str,
    reference: str,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio wants it
) -> Iterator[str]:
    """The clip, heard by one model after the other -> what they made of it so far."""
    if not path:
        raise AudioDecodeError(NO_CLIP)
    models = [find_model(studio, key) for key in keys or []]
    if not models:
        raise ModelError("choose a model that is on this machine first")
    if len(models) > MAX_COMPARED:
        raise OptionError(f"{len(models)} models are too many to be read side by side; choose at most {MAX_COMPARED}")
    progress(0, desc="reading the clip")
    samples, heard = decode(path), []
    for done, model in enumerate(models):
        yield heard_html(heard, reference, [m.title for m in models[done:]])
        heard.append(heard_by(studio, model, samples, language or None, reference, progress))
    yield heard_html(heard, reference)


def heard_by(
    studio: Studio, model: Model, samples: Samples, language: str | None, reference: str, progress: gr.Progress
) -> Heard:
    """What one model makes of it; its error is told in its place, so that the others are heard."""
    try:
        progress(0, desc=f"loading {model.title}")
        began = time.perf_counter()
        engine = studio.engines.get(model.key, studio.runs)
        if language:
            check_language(language, engine.tokenizer.languages)
        loaded = time.perf_counter()
        total_s, done_s = seconds(samples), 0.0

        def advance(more_s: float) -> None:
            nonlocal done_s
            done_s += more_s
            progress(min(1.0, done_s / max(total_s, 1e-9)), desc=f"{model.title}: {minutes(done_s)}")

        segments = transcribe_file(engine, samples, language, progress=advance)
    except QalError as error:
        return Heard(model.title, problem=str(error))
    text = " ".join(segment.text for segment in segments)
    return Heard(
        title=model.title,
        text=text,
        languages=tuple(sorted({segment.language for segment in segments})),
        load_s=loaded - began,
        work_s=time.perf_counter() - loaded,
        clip_s=total_s,
        wer=count_errors([reference], [text]).wer if reference.strip() else None,
    )


def fetch(studio: Studio, chosen: str | None, request: gr.Request) -> None:
    """Raises OptionError while it is under way, StorageError where there is no room."""
    model = find_model(studio, chosen)
    if model.directory is not None:
        raise ModelError(f"'{model.title}' is on this machine already")
    if model.key in HUB:
        require_space(Path(HF_HUB_CACHE), model.size, f"the model '{model.title}'")
        command = qal_command("models", "fetch", model.key)
    else:
        command = qal_command("export", str(ADAPTERS / DEFAULT_MODEL), "--to", "ctranslate2")
    about, user = f"Fetching {model.title}", user_of(request)
    studio.errands.start(f"fetch:{model.key}", about, command, models_folder() / LOGS, user=user)


def export(studio: Studio, chosen: str | None, form: str, request: gr.Request) -> str:
    """-> a link, where there is nothing to make."""
    model = find_model(studio, chosen)
    if exports.ready(studio, model, form):
        return download_link(model.key, form, f"Download {model.title} as a zip file")
    require_space(models_folder(), 3 * model.size, f"the export of '{model.title}'")
    makes = exports.folder_of(model, form)
    about = f"Exporting {model.title}: {exports.FORMS[form][0]}" if form in exports.FORMS else ""
    command = exports.command(studio, model, form)
    key, logs = f"export:{form}:{model.key}", models_folder() / LOGS
    studio.errands.start(key, about, command, logs, makes, user_of(request))
    return ""


def errands(studio: Studio) -> tuple[str, int, gr.Timer]:
    """-> (what is under way and has ended, how many run, the clock that asks again)"""
    now = sum(errand.is_running for errand in studio.errands.all())
    links = {e.key: _link(e.key) for e in studio.errands.all() if e.makes and not e.is_running and not e.failed}
    return errands_html(studio.errands.all(), links), now, gr.Timer(active=now > 0)


def _link(errand_key: str) -> str:
    _, form, key = errand_key.split(":", 2)
    return download_link(key, form, "Download as a zip file")


def tend_errand(studio: Studio, event: gr.EventData, request: gr.Request) -> None:
    """Stops one that runs, or closes the word of one that has ended. Raises OptionError where it is another user's."""
    for what, act in (("stop", studio.errands.stop), ("forget", studio.errands.forget)):
        for errand in studio.errands.all():
            if errand.key == getattr(event, what, None):
                studio.require_user(errand.user, f"'{errand.about}'", request)
                act(errand.key)


def ask_delete(studio: Studio, chosen: str | None, request: gr.Request) -> tuple[str, str, gr.Row]:
    """-> (the model that is asked about, the question, the row that answers it)"""
    model = find_model(studio, chosen)
    require_right(studio, model, request)
    told = " ".join([f"Delete {model.title}?", removal.consequence(model), *removal.uses(studio, model)])
    return model.key, note_html(told, problem=True), gr.Row(visible=True)


def delete(studio: Studio, asked: str | None, request: gr.Request) -> tuple[None, str, gr.Row]:
    """-> (no model is chosen any more, no question, no row)"""
    model = find_model(studio, asked)
    require_right(studio, model, request)
    removal.remove(studio, model)
    gr.Info(f"{model.title} was {'moved to the trash' if model.place == 'run' else 'deleted'}.")
    return None, "", gr.Row(visible=False)


def require_right(studio: Studio, model: Model, request: gr.Request) -> None:
    """A run's model is its user's; what all share is an admin's. Raises OptionError."""
    if model.place == "run":
        studio.require_own(Run(studio.runs / model.key), request)
    else:
        require_admin(studio, request)


def require_admin(studio: Studio, request: gr.Request) -> None:
    name = user_of(request)
    if name is not None and not studio.is_admin(name):
        raise OptionError("that is for all users of this server; ask an admin to delete it")


def show_disk(studio: Studio, is_open: bool = True) -> Any:
    """Not counted where nobody looks."""
    return disk.disk_html(disk.disk_use(studio)) if is_open else gr.skip()


def ask_clear(studio: Studio, what: str, request: gr.Request) -> tuple[str, str, gr.Row, gr.Button]:
    """-> (what would go, the question, the row that answers it, its button)"""
    require_admin(studio, request)
    question = disk.question(studio, what)
    if not question:
        gr.Info("There is nothing to delete.")
    return what, note_html(question, problem=True), gr.Row(visible=bool(question)), gr.Button(disk.EMPTYING[what])


def clear(studio: Studio, what: str, request: gr.Request) -> tuple[str, gr.Row, str]:
    """-> (no question, no row, the disk as it is now)"""
    require_admin(studio, request)
    disk.clear(studio, what)
    return "", gr.Row(visible=False), show_disk(studio)
