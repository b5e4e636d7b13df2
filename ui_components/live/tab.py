"""Live: captions first and large, the source and the model below.

The page's own part (live/*.js) speaks with the server over a socket. Where no socket can be opened it shows the
fallback instead: Gradio's recorder, whose chunks take the way of every other event."""

import json

import gradio as gr

from qal.audio.gate import GateOptions
from qal.captions.session import MAX_EXPECTED
from ui_components.app.studio import QUIET, Events, Studio, action
from ui_components.live.fallback.panel import fallback_panel
from ui_components.live.view import live_html, live_script
from ui_components.widgets.choices import DETECT, language_choices
from ui_components.widgets.model_choice import NOBODY, offer_comparison, offer_models

GATE_FIELDS = tuple(GateOptions.model_fields)
MODES = [
    ("at once, and final at a pause", "gated"),
    ("once, at a pause", "single"),
    ("every 1.5 s, pause or not", "chunks"),
]
TELL_MS = 250
FIELDS = ("model", "language", "compare", "task", "mode", "expect", "previous_text", "keep_sound", "corpus")
TELL_SCRIPT = f"""(...values) => {{
  const named = (names) => Object.fromEntries(names.map((name) => [name, values.shift()]));
  const {{language, compare, ...rest}} = named({json.dumps(FIELDS)});
  const gate = named({json.dumps(GATE_FIELDS)});
  window.qalSettings = {{...rest, language: language || null, compare: compare || null, gate}};
  clearTimeout(window.qalTelling);  // a slider that moves tells once
  window.qalTelling = setTimeout(() => document.dispatchEvent(new Event("qal-settings")), {TELL_MS});
}}"""


def live_tab(studio: Studio, page: gr.Blocks, opened: Events) -> None:
    note = gr.HTML()
    gr.HTML(live_html(), js_on_load=live_script())
    with gr.Row():
        model = gr.Dropdown(label="Model", min_width=200)
        language = gr.Dropdown(language_choices(), label="Language", value=studio.language or DETECT, min_width=160)
        compare = gr.Dropdown([NOBODY], label="Compare with", value=NOBODY[1], min_width=200)
    with gr.Accordion("What is made of the sound", open=False):
        tasks = [("in the language that is spoken", "transcribe"), ("in English", "translate")]
        with gr.Row():
            task = gr.Radio(tasks, label="Captions", value="transcribe", min_width=280)
            mode = gr.Radio(MODES, label="When speech is read", value="gated", min_width=280)
        with gr.Row():
            expect = gr.Textbox(
                label="Names and terms that may be said",
                placeholder="Lalibela, Abebe Bikila, CTranslate2",
                max_length=MAX_EXPECTED,
                min_width=280,
            )
            previous = gr.Checkbox(label="Tell the model the line before", value=False, min_width=280)
        with gr.Row():
            sliders = [gate_slider(name) for name in GATE_FIELDS]
    keep_sound, corpus = corrections(studio.live_days)
    fields = [model, language, compare, task, mode, expect, previous, keep_sound, corpus]  # as FIELDS
    settings = [*fields, *sliders]
    chosen = [field.change for field in fields if field is not expect]
    settled = [*chosen, expect.blur, expect.submit, *(slider.change for slider in sliders)]
    gr.on([*opened, *settled], None, settings, None, js=TELL_SCRIPT, **QUIET)
    gr.on(opened, action(offer_models, studio), model, [model, note], **QUIET)
    gr.on(opened, action(offer_comparison, studio), compare, compare, **QUIET)
    with gr.Column(elem_classes="qal-fallback"):
        fallback_panel(studio, page, model, language)


def corrections(live_days: float) -> tuple[gr.Checkbox, gr.Textbox]:
    """Whether the sound is kept, and where corrected captions go."""
    with gr.Group():
        keep_sound = gr.Checkbox(
            label="Keep the sound of this recording",
            info=f"For {live_days:g} days on the server, so that corrected captions can become training data.",
        )
        corpus = gr.Textbox(
            value="my-captions",
            label="Corpus for corrections",
            info="Where a line goes, with its sound, when its button is pressed.",
            max_length=64,
            visible=False,
        )
    keep_sound.change(None, keep_sound, corpus, js="(kept) => ({visible: kept, __type__: 'update'})", **QUIET)
    return keep_sound, corpus


def gate_slider(name: str) -> gr.Slider:
    """A field of the gate's options, with its limits and what it means."""
    field, whole = GateOptions.model_fields[name], isinstance(GateOptions.model_fields[name].default, int)
    words, _, unit = name.rpartition("_")
    limits = GateOptions.model_json_schema()["properties"][name]
    return gr.Slider(
        minimum=limits["minimum"],
        maximum=limits.get("maximum", limits.get("exclusiveMaximum", 1) - 1),
        value=field.default,
        step=16 if whole else 0.05 if limits.get("maximum") == 1 else 1,
        label=f"{words.replace('_', ' ').capitalize()} ({unit})"
        if unit in ("ms", "s")
        else name.replace("_", " ").capitalize(),
        info=field.description,
        min_width=220,
    )
