"""Train: a new run on the left; on the right any run, as its folder tells it."""

import gradio as gr

from ui_components import train_actions
from ui_components.studio import QUIET, Events, Studio, action
from ui_components.train_actions import POLL_S, Seen


def train_tab(studio: Studio, page: gr.Blocks, opened: Events) -> None:
    seen = gr.State(Seen())
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            gr.HTML("<h2>New run</h2>")
            note = gr.HTML()
            fetch = gr.Button("Fetch the Russian sample corpus", visible=False)
            base = gr.Dropdown(label="Base model")
            corpus = gr.Dropdown(label="Corpus")
            preset = gr.Dropdown(label="Preset")
            start = gr.Button("Start", variant="primary")
        with gr.Column(scale=5, min_width=300):
            with gr.Row(elem_classes="qal-runbar"):
                selector = gr.Dropdown(label="Run", scale=4, min_width=280)
                stop = gr.Button("Stop", visible=False, variant="stop", min_width=100, scale=0)
                resume = gr.Button("Resume", visible=False, min_width=100, scale=0)
            progress = gr.HTML()
            loss = gr.Plot(label="Loss", visible=False)
            error_rates = gr.Plot(label="Validation error rates", visible=False)
            report = gr.HTML()

    shown = [selector, progress, loss, error_rates, report, stop, resume, seen]
    chosen = [base, corpus, preset]
    form = [*chosen, note, fetch]
    show = action(train_actions.show, studio)
    offer = action(train_actions.offer, studio)

    gr.on(opened, offer, chosen, form, **QUIET)
    page.load(show, [selector, seen], shown, **QUIET)
    gr.Timer(POLL_S).tick(show, [selector, seen], shown, **QUIET)
    selector.input(show, [selector, seen], shown, **QUIET)
    preset.input(action(train_actions.choose_preset, studio), preset, [preset, base], **QUIET)
    started = start.click(action(train_actions.start, studio), chosen, selector, **QUIET)
    started.success(show, [selector, seen], shown, **QUIET)
    stop.click(action(train_actions.stop, studio), selector, None, **QUIET).then(show, [selector, seen], shown, **QUIET)
    resume.click(action(train_actions.resume, studio), selector, None, **QUIET)
    fetched = fetch.click(action(train_actions.fetch_sample, studio), None, [note, fetch], **QUIET)
    fetched.success(offer, chosen, form, **QUIET)
