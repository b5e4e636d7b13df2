"""Wires a result: the editor, its sound, downloads, and the settings that need no decoding."""

from typing import Any

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, MAX_CONCURRENT_JOBS, Studio, action
from ui_components.transcribe.result import actions, outputs, sound
from ui_components.transcribe.result.layout import ResultPanel
from ui_components.transcribe.start.actions import apply_preset
from ui_components.widgets.audio_view.component import DOWNLOAD_JS


def show_opened(studio: Studio, panel: ResultPanel, opened: gr.State) -> None:
    """When another file is opened: shows its text, then its settings and its sound."""
    shown = opened.change(action(actions.show_result, studio), opened, _result(panel), **EVENT_OPTIONS)
    form = shown.then(
        action(outputs.show_output_form, studio), opened, [panel.preset, *panel.settings.components], **EVENT_OPTIONS
    )
    form.then(action(outputs.show_cues, studio), opened, panel.cues, **EVENT_OPTIONS)
    view = panel.sound
    offered = shown.then(action(sound.offer_sound, studio), opened, [*view.outputs, panel.load_sound], **EVENT_OPTIONS)
    offered.then(**_loading(panel, action(sound.open_short_sound, studio), opened))


def wire_result(studio: Studio, panel: ResultPanel, opened: gr.State) -> None:
    """Connects the components of a result."""
    editor: Any = panel.editor
    edited = editor.edit(action(actions.edit_transcript, studio), opened, panel.editor, **EVENT_OPTIONS)
    edited.failure(action(actions.reload_editor, studio), opened, panel.editor, **EVENT_OPTIONS)
    followed = editor.poll(action(actions.follow, studio), opened, _result(panel), **EVENT_OPTIONS)
    # The sound of a file that has ended meanwhile
    followed.then(
        action(sound.open_missing_sound, studio),
        [opened, panel.sound.selection],
        [*panel.sound.outputs, panel.load_sound],
        **EVENT_OPTIONS,
    )
    editor.collect(action(outputs.add_line, studio), [opened, panel.dataset], None, **EVENT_OPTIONS)
    panel.add_corrected.click(action(outputs.add_corrected, studio), [opened, panel.dataset], None, **EVENT_OPTIONS)
    panel.load_sound.click(**_loading(panel, action(sound.open_sound, studio), opened)).success(
        lambda: gr.Button(visible=False), None, panel.load_sound, **EVENT_OPTIONS
    )
    panel.preset.input(action(apply_preset, studio), panel.preset, panel.rules, **EVENT_OPTIONS)
    panel.apply.click(
        action(outputs.apply_output, studio), [opened, *panel.settings.components], panel.cues, **EVENT_OPTIONS
    )
    panel.cues_tab.select(action(outputs.show_cues, studio), opened, panel.cues, **EVENT_OPTIONS)
    for button, handler, inputs in (
        (panel.download, outputs.download, [opened, panel.formats]),
        (panel.download_all, outputs.download_all, [panel.formats]),
    ):
        made = button.click(action(handler, studio), inputs, panel.file, **EVENT_OPTIONS)
        made.success(None, panel.file, None, js=DOWNLOAD_JS, **EVENT_OPTIONS)


def _result(panel: ResultPanel) -> list[Any]:
    """The outputs of a ResultShown."""
    return [panel.column, panel.heading, panel.editor]


def _loading(panel: ResultPanel, handler: Any, opened: gr.State) -> dict[str, Any]:
    """The arguments of an event that decodes a file for the view of its sound."""
    return {
        "fn": handler,
        "inputs": opened,
        "outputs": panel.sound.outputs,
        "show_progress_on": panel.sound.html,
        "concurrency_limit": MAX_CONCURRENT_JOBS,
        "concurrency_id": "transcript-sound",
        "api_visibility": "private",
    }
