"""The Live tab: captions first, the source and the model below.

The page's scripts (live/*.js) exchange audio and captions with the server over a WebSocket or, where the network blocks
those, by requests and server-sent events."""

import json

import gradio as gr
from gradio.components import FormComponent

from qal.audio.gate import GateOptions
from qal.captions.fixed_chunks import CHUNK_S
from qal.captions.options import MAX_HINT_CHARACTERS
from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.live.remembered import STORED_SCRIPT, choice_script, restore_settings
from ui_components.live.view import live_html, live_script
from ui_components.widgets.choices import DETECT, language_choices, named_languages
from ui_components.widgets.model_choice import NO_COMPARISON, update_comparison_choices, update_model_choices

TASKS = [("Transcribe", "transcribe"), ("Translate to English", "translate")]
UPDATE_MODES = [
    ("Live (partial results)", "gated"),
    ("After each pause", "single"),
    (f"Fixed {CHUNK_S:g} s chunks", "chunks"),
]
GATE_LABELS = {
    "start_threshold": "Speech start threshold (0-1)",
    "end_threshold": "Speech end threshold (0-1)",
    "pre_roll_ms": "Padding before speech (ms)",
    "post_roll_ms": "Padding after speech (ms)",
    "min_speech_ms": "Minimum speech duration (ms)",
    "hang_over_ms": "Silence to end a segment (ms)",
    "adaptive_wait": "Adaptive end of a segment",
    "max_segment_s": "Maximum segment length (s)",
}
DEFAULT_DATASET = "my-captions"
MAX_NAME_CHARACTERS = 64
MODEL_SETTINGS = ("model", "compare")
SETTINGS_DELAY_MS = 250  # several changes within this time are sent once
# Stores the values of the settings, in the order of the names, for the page's scripts.
SETTINGS_SCRIPT = """(...values) => {{
  {stored}
  const byName = (names) => Object.fromEntries(names.map((name) => [name, values.shift()]));
  const {{language, compare, ...others}} = byName({names});
  const gate = byName({gate_names});
  window.qalSettings = {{...others, language: language || null, compare: compare || null, gate}};
  clearTimeout(window.qalSettingsTimer);
  window.qalSettingsTimer = setTimeout(() => document.dispatchEvent(new Event("qal-settings")), {delay_ms});
}}"""

Settings = dict[str, FormComponent]  # by the name of the setting in the protocol


def live_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> gr.Dropdown:
    """Lays out and wires the tab. Returns the drop-down of the model."""
    note = gr.HTML()
    gr.HTML(live_html(), js_on_load=live_script())
    models = model_settings(studio)
    with gr.Accordion("Advanced settings", open=False):
        recognition = recognition_settings()
        with gr.Row():
            gate = {name: gate_setting(name) for name in GateOptions.model_fields}
    settings = {**models, **recognition, **correction_settings(studio.live_days)}
    wire_settings(settings, gate, opened)
    wire_models(studio, models, note, opened)
    restore_settings(page, {name: part for name, part in {**settings, **gate}.items() if name not in MODEL_SETTINGS})
    return models["model"]


def wire_models(studio: Studio, models: dict[str, gr.Dropdown], note: gr.HTML, opened: EventTriggers) -> None:
    """Lists the models when the tab is opened. A choice that the browser remembers is passed beside the current one,
    because Gradio refuses a value that a drop-down does not list yet."""
    model, compare = models["model"], models["compare"]
    stored_model, stored_compare = gr.JSON(visible=False), gr.JSON(visible=False)
    gr.on(
        opened,
        action(update_model_choices, studio),
        [model, stored_model],
        [model, note],
        js=choice_script("model"),
        **EVENT_OPTIONS,
    )
    gr.on(
        opened,
        action(update_comparison_choices, studio),
        [compare, stored_compare],
        compare,
        js=choice_script("compare"),
        **EVENT_OPTIONS,
    )


def model_settings(studio: Studio) -> dict[str, gr.Dropdown]:
    """Lays out the models and the language."""
    with gr.Row():
        return {
            "model": gr.Dropdown(label="Model", min_width=200, elem_id="live-model"),
            "language": gr.Dropdown(
                language_choices(), label="Language", value=studio.language or DETECT, min_width=160
            ),
            "compare": gr.Dropdown(
                [NO_COMPARISON],
                label="Compare with",
                value=NO_COMPARISON[1],
                min_width=200,
                elem_id="live-compare",
            ),
        }


def recognition_settings() -> Settings:
    """Lays out how audio becomes text."""
    languages = gr.Dropdown(
        named_languages(),
        label="Detect only these languages",
        info="Used while Language is Detect. None: any language.",
        value=[],
        multiselect=True,
        elem_id="live-languages",
    )
    with gr.Row():
        task = gr.Radio(TASKS, label="Task", value="transcribe", min_width=280)
        mode = gr.Radio(UPDATE_MODES, label="Update mode", value="gated", min_width=280)
    with gr.Row():
        hints = gr.Textbox(
            label="Vocabulary hints (initial prompt)",
            info="Names and terms that are likely to occur.",
            placeholder="Lalibela, Abebe Bikila, CTranslate2",
            max_length=MAX_HINT_CHARACTERS,
            min_width=280,
        )
        previous_text = gr.Checkbox(label="Use previous line as context", value=False, min_width=280)
    return {
        "languages": languages,
        "task": task,
        "mode": mode,
        "expect": hints,
        "previous_text": previous_text,
    }


def correction_settings(live_days: float) -> Settings:
    """Lays out whether audio is saved, and the dataset for corrected lines."""
    with gr.Group():
        save_audio = gr.Checkbox(
            label="Save audio (needed to add corrections to a dataset)",
            info=f"Deleted after {live_days:g} days.",
        )
        dataset = gr.Textbox(
            value=DEFAULT_DATASET,
            label="Dataset for corrections",
            info='"Add to dataset" saves the line and its audio here.',
            max_length=MAX_NAME_CHARACTERS,
            visible=False,
        )
    show_dataset = "(saved) => ({visible: saved, __type__: 'update'})"
    save_audio.change(None, save_audio, dataset, js=show_dataset, **EVENT_OPTIONS)
    return {"keep_sound": save_audio, "corpus": dataset}


def gate_setting(name: str) -> gr.Slider | gr.Checkbox:
    """A slider or a check box for a field of GateOptions, with the field's limits and description."""
    field = GateOptions.model_fields[name]
    description = field.description or ""
    texts = {"label": GATE_LABELS[name], "info": description[:1].upper() + description[1:], "min_width": 220}
    if isinstance(field.default, bool):
        return gr.Checkbox(value=field.default, **texts)
    limits = GateOptions.model_json_schema()["properties"][name]
    maximum = limits.get("maximum", limits.get("exclusiveMaximum", 1) - 1)
    real_step = 0.05 if maximum == 1 else 1
    step = 16 if isinstance(field.default, int) else real_step
    return gr.Slider(minimum=limits["minimum"], maximum=maximum, value=field.default, step=step, **texts)


def wire_settings(settings: Settings, gate: dict[str, gr.Slider | gr.Checkbox], opened: EventTriggers) -> None:
    """Passes the settings to the page's scripts when the tab is opened and when a setting changes."""
    names = {"names": json.dumps(list(settings)), "gate_names": json.dumps(list(gate))}
    script = SETTINGS_SCRIPT.format(**names, stored=STORED_SCRIPT, delay_ms=SETTINGS_DELAY_MS)
    triggers = [*opened]
    for name, component in {**settings, **gate}.items():
        if name == "expect" and isinstance(component, gr.Textbox):  # a change would restart the session at each key
            triggers += [component.blur, component.submit]
        else:
            triggers.append(component.change)
    gr.on(triggers, None, [*settings.values(), *gate.values()], None, js=script, **EVENT_OPTIONS)
