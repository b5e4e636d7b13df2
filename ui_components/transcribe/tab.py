"""The Transcribe tab: files and options, the table of files, and the result of the opened one."""

from pathlib import Path

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.transcribe.files import actions as files_actions
from ui_components.transcribe.files.view import files_html
from ui_components.transcribe.result.layout import result_panel
from ui_components.transcribe.result.tab import show_opened, wire_result
from ui_components.transcribe.start.tab import wire_start
from ui_components.transcribe.start.view import start_form

FILES_JS = (Path(__file__).parent / "files" / "files.js").read_text(encoding="utf-8")
# The browser's tab remembers the opened file for a reload.
STORED = '"qal-transcript"'
RECALL_JS = f"""(opened) => {{
  try {{ return [opened, {{ id: sessionStorage.getItem({STORED}) }}]; }} catch {{ return [opened, {{ id: null }}]; }}
}}"""
REMEMBER_JS = f"""(opened) => {{
  try {{ sessionStorage.setItem({STORED}, opened?.id ?? ""); }} catch {{ /* forbidden: the newest file is shown */ }}
}}"""


def transcribe_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> gr.Dropdown:
    """Lays out and wires the tab. Returns the drop-down of the model."""
    file_id, sent = gr.State(None), gr.State("")
    remembered = gr.JSON(visible=False)  # the browser's copy of the id
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            form = start_form(studio)
        with gr.Column(scale=3, min_width=320):
            files = gr.HTML(files_html([], None), js_on_load=FILES_JS)
    panel = result_panel(studio)

    wire_start(studio, form, [files, sent, file_id], opened)
    choose = action(files_actions.choose_opened, studio)
    chosen = gr.on(opened, choose, [file_id, remembered], file_id, js=RECALL_JS, **EVENT_OPTIONS)
    update = {
        "fn": action(files_actions.update_files, studio),
        "inputs": [sent, file_id],
        "outputs": [files, sent],
        **EVENT_OPTIONS,
    }
    chosen.then(**update)
    files.poll(**update)  # pyright: ignore[reportAttributeAccessIssue]
    files.select(action(files_actions.act_on_file, studio), file_id, [files, sent, file_id], **EVENT_OPTIONS)
    copied = file_id.change(lambda opened: {"id": opened}, file_id, remembered, **EVENT_OPTIONS)
    copied.then(None, remembered, None, js=REMEMBER_JS, **EVENT_OPTIONS)
    show_opened(studio, panel, file_id)
    wire_result(studio, panel, file_id)
    return form.model
