"""Compare: all runs in a table, some of them side by side."""

from pathlib import Path

import gradio as gr

from qal.jobs.notes import MAX_NOTE_CHARS, MAX_TITLE_CHARS
from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.train.compare import actions as compare_actions
from ui_components.train.compare.actions import POLL_S, Seen
from ui_components.train.run.charts import chart_board

SCRIPT = Path(__file__).parent / "compare.js"
TEMPLATE = (
    '<div class="qal-find"><input type="search" placeholder="Filter by name, tag, base, corpus, state or user" '
    'aria-label="Filter the runs"><span class="count qal-muted" role="status"></span></div>${value}'
)
TICKED = """document.addEventListener("qal-ticked", ({ detail }) => {
  props.value = detail;
  trigger("change");
})"""


def compare_tab(studio: Studio, opened: EventTriggers, left: EventTriggers, run: gr.State, inner: gr.Tabs) -> None:
    """`run`: the id of the run that is watched. `left`: another tab of Train was opened: this one rests."""
    seen, edited = gr.State(Seen()), gr.State(None)
    table = gr.HTML("", html_template=TEMPLATE, js_on_load=SCRIPT.read_text(encoding="utf-8"))
    ticked = gr.HTML("[]", html_template="<span hidden></span>", js_on_load=TICKED)
    with gr.Column(visible=False, elem_classes="qal-form") as form:
        heading = gr.HTML()
        title = gr.Textbox(label="Title", max_lines=1, max_length=MAX_TITLE_CHARS)
        tags = gr.Textbox(label="Tags, between commas", max_lines=1, max_length=MAX_TITLE_CHARS * 4)
        note = gr.Textbox(label="Note", lines=3, max_length=MAX_NOTE_CHARS)
        pinned = gr.Checkbox(label="Pin it: it stands first")
        with gr.Row(elem_classes="qal-question plain"):
            save = gr.Button("Save", variant="primary", size="md")
            close = gr.Button("Close", size="md")
    charts = chart_board("three")
    differences = gr.HTML()

    shown, told = [table, charts, differences, seen], [ticked, seen]
    refresh = action(compare_actions.refresh, studio)
    gr.on([*opened, ticked.change], refresh, told, shown, trigger_mode="always_last", **EVENT_OPTIONS)
    timer = gr.Timer(POLL_S, active=False)
    timer.tick(refresh, told, shown, **EVENT_OPTIONS)
    gr.on(opened[-1], lambda: gr.Timer(active=True), None, timer, **EVENT_OPTIONS)
    gr.on(left, lambda: gr.Timer(active=False), None, timer, **EVENT_OPTIONS)
    fields = [title, tags, note, pinned]
    table.open(action(compare_actions.open_run, studio), None, [run, inner], **EVENT_OPTIONS)
    table.edit(action(compare_actions.edit, studio), None, [edited, heading, *fields, form], **EVENT_OPTIONS)
    saved = save.click(action(compare_actions.save, studio), [edited, *fields], form, **EVENT_OPTIONS)
    saved.success(refresh, told, shown, **EVENT_OPTIONS)
    close.click(lambda: gr.Column(visible=False), None, form, **EVENT_OPTIONS)
