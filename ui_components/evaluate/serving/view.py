"""The HTML of the registry of models. Pure functions; all text is escaped."""

import html
import time
from collections.abc import Sequence

from qal.engine.registry.records import RegisteredModel, RegistryEvent
from qal.engine.registry.registry import RegistryState
from ui_components.widgets.markup import note_html

EMPTY = "No model is registered yet. Choose a fine-tuned model and press Register."
STAGES = {"candidate": "Candidate", "serving": "Serving", "retired": "Retired"}
GATES = {"passed": "Passed", "failed": "Failed", "not checked": "Not checked"}
SHOWN_EVENTS = 20
VERBS = {"register": "registered", "promote": "promoted", "retire": "retired", "roll back": "rolled back to"}


def registry_html(state: RegistryState, chosen: str) -> str:
    """The registered models with their stages, the newest first; the chosen one is marked."""
    if not state.models:
        return note_html(EMPTY)
    names = ("Model", "Stage", "Gate", "Measured", "Dataset version")
    head = "".join(f"<th scope=col>{name}</th>" for name in names)
    body = "".join(_line(model, state.stages[id_], id_ == chosen) for id_, model in reversed(state.models.items()))
    return (
        '<div class="qal-table qal-evaluations qal-registry" data-scrolls tabindex="0" aria-label="Registered models">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _line(model: RegisteredModel, stage: str, is_chosen: bool) -> str:
    key, pressed = html.escape(model.id), "true" if is_chosen else "false"
    measured = model.measured.error_rate.named_text if model.measured else "–"
    badge = f'<span class="qal-badge{" on" if stage == "serving" else ""}">{STAGES[stage]}</span>'
    button = f'<button type="button" class="pick" data-key="{key}" aria-pressed="{pressed}">{key}</button>'
    cells = (button, badge, GATES[model.gate], html.escape(measured), html.escape((model.corpus_version or "–")[:12]))
    marked = ' class="chosen"' if is_chosen else ""
    return f"<tr{marked}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def history_html(events: Sequence[RegistryEvent]) -> str:
    """The last events, the newest first; "" without any."""
    items = "".join(f"<li>{html.escape(event_text(event))}</li>" for event in reversed(events[-SHOWN_EVENTS:]))
    return f'<ol class="qal-history" reversed>{items}</ol>' if items else ""


def event_text(event: RegistryEvent) -> str:
    """An event in a line, such as "2026-11-27 18:00: anna promoted mine-1a2b3c4d (better on names)"."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(event.time))
    note = f" ({event.note})" if event.note else ""
    return f"{when}: {event.by or 'unknown'} {VERBS[event.action]} {event.id}{note}"
