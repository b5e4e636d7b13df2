"""The "Add data" page of the Data tab: source, options, preview, import; and the imports in progress."""

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.data.add import actions
from ui_components.data.add.form import AUTOMATIC, ROLE_LABELS, ROLES, ImportForm
from ui_components.data.add.uploads import uploaded_files
from ui_components.widgets.choices import named_languages
from ui_components.widgets.clickable import CLICKABLE_JS

KINDS = [("Upload files", "upload"), ("Folder on the server", "folder"), ("Hugging Face Hub", "hub")]
LICENCES = ["CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "Apache-2.0", "MIT", "private"]
MAX_CONCURRENT_PREVIEWS = 2  # each is a process of its own
POLL_JS = (Path(__file__).parent / "poll.js").read_text(encoding="utf-8")
UPLOAD_HINT = (
    "An archive (zip, tar), or recordings with a table (CSV, TSV, XLSX, JSONL, Parquet), with a text beside each, or "
    "with subtitles (SRT, VTT). Any audio or video that can be decoded."
)
CONFIRMATION = "I may use these recordings: the speakers agreed, or their licence allows it."


SHOW_JOBS_JS = "() => { document.querySelector('.qal-imports')?.scrollIntoView({ block: 'center' }); }"


class JobsPanel(NamedTuple):
    """The imports in progress."""

    html: gr.HTML
    sent: gr.State
    arrived: gr.State  # the last job that has finished, as from `actions.newest_result`


class SourceFields(NamedTuple):
    """The components that say what is imported. Of the three columns one is shown."""

    kind: gr.Radio
    upload_column: gr.Column
    files: gr.File
    upload_note: gr.HTML
    folder_column: gr.Column
    path: gr.Dropdown
    hub_column: gr.Column
    repository: gr.Textbox
    config: gr.Textbox
    split: gr.Textbox


class AddForm(NamedTuple):
    """The components of the form."""

    kind: gr.Radio
    upload: gr.State  # id of the folder with the uploaded files
    fields: dict[str, Component]  # by the fields of ImportForm, without `columns`
    roles: list[gr.Dropdown]  # in the order of ROLES
    files: gr.File
    upload_note: gr.HTML
    confirmed: gr.Checkbox
    columns: gr.Accordion
    preview: gr.HTML
    show_preview: gr.Button
    start: gr.Button

    @property
    def values(self) -> list[Component]:
        """The inputs of `preview_handler` and `start_handler` after their own."""
        return [*self.fields.values(), *self.roles]


def jobs_panel() -> JobsPanel:
    """Lays out the imports in progress."""
    html = gr.HTML("", js_on_load=f"{CLICKABLE_JS}\n{POLL_JS}")
    return JobsPanel(html, gr.State(""), gr.State(""))


def add_tab(studio: Studio, panel: JobsPanel) -> AddForm:
    """Lays out and wires the form."""
    source = source_fields()
    with gr.Row():
        name = gr.Textbox("", label="Name of the new dataset", placeholder="my-voice", max_length=64, min_width=180)
        languages = [("As the source says", ""), *((f"{title} ({code})", code) for title, code in named_languages())]
        language = gr.Dropdown(languages, value="", label="Language", min_width=180)
    options = option_fields()
    with gr.Accordion("Columns of the table", visible=False) as columns, gr.Row(elem_classes="qal-roles"):
        roles = [
            gr.Dropdown([("Automatic", AUTOMATIC)], value=AUTOMATIC, label=ROLE_LABELS[role], min_width=190)
            for role in ROLES
        ]
    with gr.Row(elem_classes="qal-actions"):
        show_preview = gr.Button("Preview", min_width=140, scale=0)
    preview = gr.HTML("", min_height=1)
    confirmed = gr.Checkbox(False, label=CONFIRMATION)
    with gr.Row(elem_classes="qal-actions"):
        start = gr.Button("Import", variant="primary", interactive=False, min_width=140, scale=0)
    named = {**source._asdict(), "name": name, "language": language, **options}
    form = AddForm(
        kind=source.kind,
        upload=gr.State(""),
        fields={field: named[field] for field in FIELDS},
        roles=roles,
        files=source.files,
        upload_note=source.upload_note,
        confirmed=confirmed,
        columns=columns,
        preview=preview,
        show_preview=show_preview,
        start=start,
    )
    shown = [source.upload_column, source.folder_column, source.hub_column, source.path]
    source.kind.input(action(actions.show_source, studio), source.kind, shown, **EVENT_OPTIONS)
    wire_form(studio, form, panel)
    return form


def source_fields() -> SourceFields:
    """Lays out the kinds of sources; one of them is shown."""
    kind = gr.Radio(KINDS, value="upload", label="Source")
    with gr.Column() as upload_column:
        files = uploaded_files(label="Files or an archive", height=150, elem_classes="qal-drop", buttons=[])
        gr.HTML(f'<p class="qal-muted">{UPLOAD_HINT}</p>')
        upload_note = gr.HTML("")
    with gr.Column(visible=False) as folder_column:
        path = gr.Dropdown(
            [],
            value=None,
            label="Folder, table or archive",
            info="Inside the data folder, or a folder that was allowed with --import-from.",
            allow_custom_value=True,
        )
    with gr.Column(visible=False) as hub_column, gr.Row():
        repository = gr.Textbox("", label="Dataset on the hub", placeholder="google/fleurs", min_width=200, scale=2)
        config = gr.Textbox("", label="Configuration", placeholder="am_et", min_width=120)
        split = gr.Textbox("", label="Split or slice", placeholder="train[:500]", min_width=120)
    return SourceFields(
        kind, upload_column, files, upload_note, folder_column, path, hub_column, repository, config, split
    )


def option_fields() -> dict[str, Component]:
    """Lays out the options that most imports do not need. Returns them by the fields of ImportForm."""
    with gr.Accordion("Licence and options", open=False):
        with gr.Row():
            licence = gr.Dropdown(
                LICENCES, value=None, label="Licence", allow_custom_value=True, min_width=160, info="Terms of use."
            )
            attribution = gr.Textbox("", label="Attribution", min_width=200, info="Name to credit.")
        with gr.Row():
            no_text = gr.Checkbox(False, label="Audio without text, for distillation", min_width=200)
            max_problems = gr.Number(10, label="Stop above this share of bad entries (%)", minimum=0, maximum=100)
    return {"licence": licence, "attribution": attribution, "no_text": no_text, "max_problems": max_problems}


FIELDS = tuple(name for name in ImportForm.model_fields if name != "columns")
FIELDS_OF_PREVIEW = ("path", "repository", "config", "split", "language", "no_text")  # what the preview depends on


def form_values(values: tuple[Any, ...]) -> dict[str, Any]:
    """Returns the values of the form's components by the fields of ImportForm."""
    fields, roles = values[: len(FIELDS)], values[len(FIELDS) :]
    chosen = {role: column for role, column in zip(ROLES, roles, strict=True) if column}
    return {**dict(zip(FIELDS, fields, strict=True)), "columns": chosen}


def preview_handler(studio: Studio, upload: str, *values: Any) -> tuple[Any, ...]:
    shown = actions.show_preview(studio, upload, form_values(values))
    return (shown.preview, shown.columns, shown.licence, shown.attribution, shown.start, *shown.choices)


def preview_again_handler(studio: Studio, shown: str, upload: str, *values: Any) -> tuple[Any, ...]:
    """Updates the preview after a change of the language; nothing happens if none is shown."""
    if not shown:
        return (gr.skip(),) * (len(actions.PreviewShown._fields) - 1 + len(ROLES))
    return preview_handler(studio, upload, *values)


def start_handler(
    studio: Studio, upload: str, confirmed: bool, request: gr.Request, *values: Any
) -> actions.ImportStarted:
    return actions.start_import(studio, upload, confirmed, form_values(values), request)


def wire_form(studio: Studio, form: AddForm, panel: JobsPanel) -> None:
    """Connects the form: an upload or a chosen column shows the preview, which is needed before the import."""
    name, licence, attribution = (form.fields[field] for field in ("name", "licence", "attribution"))
    outputs = [form.preview, form.columns, licence, attribution, form.start, *form.roles]
    options = {
        "inputs": [form.upload, *form.values],
        "outputs": outputs,
        "show_progress_on": form.preview,
        "concurrency_limit": MAX_CONCURRENT_PREVIEWS,
        "concurrency_id": "import-preview",
        "trigger_mode": "always_last",
        "api_visibility": "private",
    }
    preview = action(preview_handler, studio)
    stored = form.files.upload(
        action(actions.store_files, studio),
        [form.files, name, form.upload],
        [form.files, form.upload, form.upload_note, name, form.preview],
        **EVENT_OPTIONS,
    )
    stored.success(preview, **options)
    form.show_preview.click(preview, **options)
    gr.on([role.input for role in form.roles], preview, **options)
    language = form.fields["language"]
    again = {**options, "inputs": [form.preview, *options["inputs"]]}
    language.input(action(preview_again_handler, studio), **again)  # type: ignore[attr-defined]
    started = form.start.click(
        action(start_handler, studio),
        [form.upload, form.confirmed, *form.values],
        [panel.html, form.preview, form.upload, form.upload_note, name, form.start, form.confirmed, form.columns],
        **EVENT_OPTIONS,
    )
    show_started(started, panel)
    # Other options need another preview, without which nothing is imported
    gr.on(
        [form.kind.input, *(form.fields[field].change for field in FIELDS_OF_PREVIEW)],  # type: ignore
        lambda: gr.Button(interactive=False),
        None,
        form.start,
        **EVENT_OPTIONS,
    )


def show_started(started: Dependency, panel: JobsPanel) -> None:
    """After the event that starts a job: the jobs, which are at the top of the tab, are scrolled into view."""
    sent = started.success(lambda html: html, panel.html, panel.sent, **EVENT_OPTIONS)
    sent.then(None, None, None, js=SHOW_JOBS_JS, **EVENT_OPTIONS)


def wire_jobs(studio: Studio, panel: JobsPanel, opened: EventTriggers) -> None:
    """Updates the imports when the tab is opened, while poll.js asks for it, and when one of their buttons is used."""
    outputs = [panel.html, panel.sent, panel.arrived]
    update = {
        "fn": action(actions.update_jobs, studio),
        "inputs": [panel.sent, panel.arrived],
        "outputs": outputs,
        **EVENT_OPTIONS,
    }
    gr.on(opened, **update)
    panel.html.poll(**update)  # pyright: ignore[reportAttributeAccessIssue]
    panel.html.select(action(actions.act_on_job, studio), None, outputs, **EVENT_OPTIONS)
