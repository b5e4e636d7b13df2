"""The settings that the tab of a browser remembers across a reload, and those of a session that a crash interrupted.

The page's scripts keep them (sessions.js). Gradio asks for them when the page is loaded; each value is taken once."""

from collections.abc import Mapping

import gradio as gr
from gradio.components import Component

from qal.json_text import json_text
from ui_components.app.studio import EVENT_OPTIONS

STORED_SCRIPT = """const stored = (window.qalStored ??= (() => {
    const load = (storage, key) => { try { return JSON.parse(window[storage].getItem(key)); } catch { return null; } };
    const crashed = (load("localStorage", "qal-live-sessions") ?? []).find((group) => group.isCapturing);
    const settings = load("sessionStorage", "qal-live-settings") ?? crashed?.settings ?? null;
    const chosen = settings && { ...settings, language: settings.language ?? "", compare: settings.compare ?? "" };
    return { settings, left: { ...chosen, ...settings?.gate } };
  })());
  const take = (name) => { const value = stored.left[name]; delete stored.left[name]; return value ?? null; };"""


def choice_script(name: str) -> str:
    """Returns the script of an event with the inputs (current value, stored value) of a drop-down."""
    return f"(current) => {{ {STORED_SCRIPT} return [current, take({json_text(name)})]; }}"


def restore_settings(page: gr.Blocks, components: Mapping[str, Component]) -> None:
    """Sets the components, by the name of their setting, to the stored values when the page is loaded."""
    script = f"""() => {{ {STORED_SCRIPT}
  const update = (value) => (value === null ? {{ __type__: "update" }} : {{ value, __type__: "update" }});
  return {json_text([*components])}.map((name) => update(take(name)));
}}"""
    page.load(None, None, [*components.values()], js=script, **EVENT_OPTIONS)
