"""Models: every model there is, what can be done with it, and where the disk goes."""

import gradio as gr

from ui_components.app.studio import QUIET, Events, Studio, action
from ui_components.models import actions
from ui_components.models.disk import EMPTYING
from ui_components.models.exports import AS_IT_IS, CHOICES
from ui_components.transcribe.tab import MAX_AT_ONCE
from ui_components.widgets.choices import DETECT, language_choices
from ui_components.widgets.clickable import PRESSED
from ui_components.widgets.markup import note_html

PLACES = [("All", ""), ("On this machine", "here"), ("Tuned here", "run"), ("To fetch", "absent")]
POLL_S = 1.0


def models_tab(studio: Studio, page: gr.Blocks, opened: Events) -> None:
    chosen: gr.State = gr.State(None)  # the key of the model whose card is shown
    order = gr.State("")
    asked: gr.State = gr.State(None)  # the key of the model that somebody is asked about
    running = gr.State(0)
    with gr.Row():
        hint = "name, language, corpus …"
        words = gr.Textbox("", label="Filter", placeholder=hint, scale=3, min_width=200, elem_classes="qal-search")
        where = gr.Radio(PLACES, value="", label="Where", scale=4, min_width=280)
    table = gr.HTML(js_on_load=PRESSED)
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            details = gr.HTML()
            with gr.Row(elem_classes="qal-actions"):
                try_it = gr.Button("Try", variant="primary", visible=False, min_width=90)
                compare = gr.Button("Compare", visible=False, min_width=90)
                fetch = gr.Button("Download", variant="primary", visible=False, min_width=110)
                delete = gr.Button("Delete", visible=False, min_width=90)
            question = gr.HTML()
            with gr.Row(visible=False) as answer:
                yes = gr.Button("Yes, delete", variant="stop", min_width=110)
                no = gr.Button("Keep it", min_width=90)
            form = gr.Dropdown(CHOICES, value=AS_IT_IS, label="Export as", visible=False)
            export = gr.Button("Export", visible=False)
            link = gr.HTML()
            errands = gr.HTML(js_on_load=PRESSED)
        with gr.Column(scale=3, min_width=300):
            clip, hearing, language, reference, start = clip_panel(studio)
    heard = gr.HTML(note_html(actions.WAITING), elem_classes="qal-outcome")
    use, is_open = disk_panel(studio)

    looked = [chosen, order, words, where]
    shown = [table, details, try_it, compare, fetch, form, export, delete, hearing]
    show, tend = action(actions.show, studio), [errands, running]
    clock = gr.Timer(POLL_S, active=False)
    told = [*tend, clock]
    ask_errands = action(actions.errands, studio)
    gr.on([*opened, words.change, where.change, running.change], show, looked, shown, **QUIET)
    gr.on([*opened, clock.tick], ask_errands, None, told, **QUIET)
    picked = table.select(action(actions.pick, studio), looked, [chosen, order, *shown], **QUIET)
    for forget in (picked.then, no.click):  # a question is of the model that was chosen
        forget(lambda: ("", gr.Row(visible=False), ""), None, [question, answer, link], **QUIET)
    errands.select(action(actions.tend_errand, studio), None, None, **QUIET).then(ask_errands, None, told, **QUIET)
    fetch.click(action(actions.fetch, studio), chosen, None, **QUIET).success(ask_errands, None, told, **QUIET)
    exported = export.click(action(actions.export, studio), [chosen, form], link, **QUIET)
    exported.success(ask_errands, None, told, **QUIET)
    delete.click(action(actions.ask_delete, studio), chosen, [asked, question, answer], **QUIET)
    gone = yes.click(action(actions.delete, studio), asked, [chosen, question, answer], **QUIET)
    gone.success(show, looked, shown, **QUIET).then(action(actions.show_disk, studio), is_open, use, **QUIET)

    compare.click(action(actions.to_compare, studio), [chosen, hearing], hearing, **QUIET)
    tried = try_it.click(action(actions.only, studio), chosen, hearing, **QUIET)
    busy = {"show_progress_on": heard, "concurrency_limit": MAX_AT_ONCE, "api_visibility": "private"}
    for event in (start.click, tried.success):
        event(action(actions.hear, studio), [clip, hearing, language, reference], heard, **busy)


def clip_panel(studio: Studio) -> tuple[gr.Audio, gr.Dropdown, gr.Dropdown, gr.Textbox, gr.Button]:
    """What models hear, and which."""
    clip = gr.Audio(sources=["upload", "microphone"], type="filepath", label="Clip", buttons=[])
    hearing = gr.Dropdown([], multiselect=True, label="Models that hear it", max_choices=actions.MAX_COMPARED)
    with gr.Row():
        language = gr.Dropdown(language_choices(), value=studio.language or DETECT, label="Language", min_width=140)
        reference = gr.Textbox("", label="What is said, if you know it", lines=1, max_lines=6, scale=2, min_width=220)
    start = gr.Button("Transcribe", variant="primary")
    return clip, hearing, language, reference, start


def disk_panel(studio: Studio) -> tuple[gr.HTML, gr.State]:
    """Read while it is open: counting takes a while. -> (what it shows, whether it is open)"""
    what, is_open = gr.State(""), gr.State(False)
    with gr.Accordion("Disk", open=False) as panel:
        use = gr.HTML()
        with gr.Row():
            asks = {key: gr.Button(name, min_width=140) for key, name in EMPTYING.items()}
        question = gr.HTML()
        with gr.Row(visible=False) as answer:
            yes = gr.Button("Delete", variant="stop", min_width=110)
            no = gr.Button("Keep all", min_width=90)
    expanded = panel.expand(lambda: True, None, is_open, **QUIET)
    expanded.then(action(actions.show_disk, studio), is_open, use, **QUIET)
    panel.collapse(lambda: False, None, is_open, **QUIET)
    for key, button in asks.items():
        asked = [what, question, answer, yes]
        button.click(action(actions.ask_clear, studio), gr.State(key), asked, **QUIET)
    yes.click(action(actions.clear, studio), what, [question, answer, use], **QUIET)
    no.click(lambda: ("", gr.Row(visible=False)), None, [question, answer], **QUIET)
    return use, is_open
