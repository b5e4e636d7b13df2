"""Handlers of the registry: register a model, promote it to the serving one, and roll back."""

import getpass
from typing import Any, NamedTuple

import gradio as gr

from qal.engine.catalogue import resolve
from qal.engine.registry.records import GateState
from qal.engine.registry.registry import SERVING, Registry
from qal.engine.weights.pypi_weights import WEIGHTS_FILE, sha256_of
from qal.errors import OptionError
from qal.evaluation.gate_report import read_gate_report
from ui_components.app.studio import Studio, current_user
from ui_components.evaluate.serving import view
from ui_components.widgets.choices import first_available, model_choices

NOT_CHOSEN = "choose a registered model first"


class RegistryShown(NamedTuple):
    """Outputs of all handlers of this module."""

    table: str
    history: str
    chosen: str  # id of the chosen model
    promote: gr.Button
    roll_back: gr.Button
    models: Any  # those that can be registered


def show_registry(studio: Studio, chosen: str | None, model: str | None = None) -> RegistryShown:
    """Shows the registered models. Raises ModelError if the registry is damaged."""
    registry = Registry(studio.runs)
    state = registry.state()
    current = chosen if chosen in state.models else ""
    serving = state.serving.id if state.serving else ""
    known = [(label, value) for label, value in model_choices(studio.runs, studio.model) if value != SERVING]
    return RegistryShown(
        table=view.registry_html(state, current),
        history=view.history_html(registry.history()),
        chosen=current,
        promote=gr.Button(interactive=bool(current) and current != serving),
        roll_back=gr.Button(interactive=len(state.served) > 1),
        models=gr.Dropdown(choices=known, value=first_available(known, model)),
    )


def choose(studio: Studio, model: str | None, event: gr.EventData) -> RegistryShown:
    """Chooses the clicked model."""
    data = event._data if isinstance(event._data, dict) else {}
    return show_registry(studio, str(data.get("key", "")), model)


def register(studio: Studio, chosen: str | None, model: str | None, note: str, request: gr.Request) -> RegistryShown:
    """Adds a model as a candidate, with the result of the gate if these weights have one."""
    require_admin(studio, request)
    if not model or model not in {value for _, value in model_choices(studio.runs, studio.model)}:
        raise OptionError("choose an installed model first")
    directory = resolve(model, studio.runs)
    report = read_gate_report(directory)
    gate: GateState = "not checked"
    if report and report.weights_sha256 == sha256_of(directory / WEIGHTS_FILE):
        gate = "passed" if report.passed else "failed"
    added = Registry(studio.runs).register(directory, gate=gate, by=user_name(request), note=note.strip())
    return show_registry(studio, added.id, model)


def promote(studio: Studio, chosen: str | None, model: str | None, note: str, request: gr.Request) -> RegistryShown:
    """Makes the chosen model the serving one. Raises ModelError if it failed the gate or its weights changed."""
    require_admin(studio, request)
    if not chosen:
        raise OptionError(NOT_CHOSEN)
    Registry(studio.runs).promote(chosen, by=user_name(request), note=note.strip())
    return show_registry(studio, chosen, model)


def roll_back(studio: Studio, chosen: str | None, model: str | None, note: str, request: gr.Request) -> RegistryShown:
    """Returns to the model that served before. Raises ModelError if there is none."""
    require_admin(studio, request)
    found = Registry(studio.runs).roll_back(by=user_name(request), note=note.strip())
    return show_registry(studio, found.id, model)


def require_admin(studio: Studio, request: gr.Request) -> None:
    """Raises OptionError for a logged-in user who is no admin: the serving model is everyone's."""
    name = current_user(request)
    if name is not None and not studio.is_admin(name):
        raise OptionError("only an admin chooses the serving model; ask one")


def user_name(request: gr.Request) -> str:
    """The name that is recorded: that of the user, without a login that of the account of the server."""
    try:
        return current_user(request) or getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in a container
        return ""
