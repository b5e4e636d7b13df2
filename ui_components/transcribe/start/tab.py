"""Wires the form of the Transcribe tab."""

from typing import Any

import gradio as gr
from gradio.events import Dependency

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.transcribe.start import actions
from ui_components.transcribe.start.view import StartForm
from ui_components.widgets.model_choice import update_model_choices

LATEST = {**EVENT_OPTIONS, "trigger_mode": "always_last"}


def wire_start(
    studio: Studio, form: StartForm, outputs: list[gr.components.Component], opened: EventTriggers
) -> Dependency:
    """Connects the form. Returns the event that has added files.

    Args:
        studio: the studio.
        form: the components.
        outputs: for the table of files and the id of the opened one.
        opened: the events that open the tab."""
    source = form.source
    shown = [source.upload_column, source.server_column, source.record_column, source.path]
    source.kind.input(action(actions.show_source, studio), source.kind, shown, **EVENT_OPTIONS)
    gr.on(opened, action(update_model_choices, studio), form.model, [form.model, form.note], **EVENT_OPTIONS)
    form.preset.input(action(actions.apply_preset, studio), form.preset, form.rules, **EVENT_OPTIONS)

    values = [*form.basic, form.preset, *form.settings.components]
    changes: list[Any] = [component.change for component in values]
    gr.on(changes, action(actions.show_command, studio), values, form.command, **LATEST)
    return form.start.click(
        action(actions.start, studio),
        [source.kind, source.uploads, source.path, source.recording, *form.basic, *form.settings.components],
        [*outputs, source.uploads, source.recording],
        concurrency_limit=None,
        show_progress="minimal",
        show_progress_on=outputs[0],
        api_visibility="private",
    )
