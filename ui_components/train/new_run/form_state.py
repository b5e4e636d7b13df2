"""The state of a form besides its values: the touched settings, and the values to restore after a reload.

A problem is shown in red only if a user has touched one of its settings or has pressed Start."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qal.errors import OptionError
from ui_components.app.studio import Studio
from ui_components.train.new_run.baseline import find_baseline
from ui_components.train.new_run.checks import Problem, check_form
from ui_components.train.new_run.choices import by_name, form_values
from ui_components.train.new_run.run_names import NAME_SETTING
from ui_components.train.new_run.settings import SETTINGS_BY_NAME, settings_named_in

STORED_KEYS = {"preset", "name", "values", "visit"}
VISIT_CHARS = 12


@dataclass(frozen=True)
class FormState:
    """The state of a form in one page."""

    preset: str | None = None  # the preset or run that the form was last filled with
    values: tuple[Any, ...] = ()  # of the form's components at the last update; () before the first
    touched: frozenset[str] = frozenset()  # names of the settings that a user has changed
    start_pressed: bool = False
    visit: str = ""  # the key of the page once it has restored the form; "" before

    def after_input(self, values: Sequence[Any], name: str | None) -> "FormState":
        """The state after a user has changed values."""
        old, new = by_name(self.values) if self.values else {}, by_name(values)
        changed = {setting for setting in old if old[setting] != new[setting]}
        return replace(self, touched=self.touched | changed | ({NAME_SETTING} if name else set()))

    def filled(self, preset: str | None) -> "FormState":
        """The state after the form was filled with the settings of a preset, a run or a YAML text."""
        return replace(self, preset=preset, touched=frozenset(), start_pressed=False)

    def shows(self, problem: Problem) -> bool:
        """True if a problem is shown in red."""
        settings = settings_of_problem(problem)
        return self.start_pressed or bool(self.touched & settings if settings else self.touched)


@dataclass(frozen=True)
class RestoredForm:
    """The form of an earlier visit."""

    preset: str
    name: str
    values: list[Any]
    touched: frozenset[str]


def settings_of_problem(problem: Problem) -> set[str]:
    """The setting of a problem, or the settings that its message names."""
    if problem.setting in SETTINGS_BY_NAME or problem.setting == NAME_SETTING:
        return {problem.setting}
    return settings_named_in(problem.message, problem.setting)


def visit_key(session: str | None) -> str:
    """A key of a page, made of the hash of its session, which is not stored itself."""
    return hashlib.sha256((session or "").encode()).hexdigest()[:VISIT_CHARS]


def is_outdated(stored: Any, state: FormState) -> bool:
    """True if an event was sent before the browser had the restored form; its values are not the user's."""
    return bool(state.visit) and (not isinstance(stored, dict) or stored.get("visit") != state.visit)


def stored_form(
    studio: Studio, preset: str | None, name: str | None, values: Sequence[Any], visit: str
) -> dict[str, Any]:
    """The form for the browser's storage: preset, name, values that differ from the preset's, and the page's key."""
    try:
        filled = form_values(studio, find_baseline(studio, preset).config).values
    except OptionError:
        return {"visit": visit}
    given, baseline = by_name(values), by_name(filled)
    changed = {setting: value for setting, value in given.items() if value != baseline[setting]}
    return {"preset": preset, "name": name or "", "values": changed, "visit": visit}


def restored_form(studio: Studio, stored: Any) -> RestoredForm | None:
    """Reads a form from the browser's storage; None if there is none, or if it is not valid any more."""
    if not isinstance(stored, dict) or stored.keys() != STORED_KEYS:
        return None
    preset, name, changed = stored["preset"], stored["name"], stored["values"]
    if not (isinstance(preset, str) and isinstance(name, str) and isinstance(changed, dict)):
        return None
    try:
        filled = by_name(form_values(studio, find_baseline(studio, preset).config).values)
    except OptionError:
        return None
    if not changed.keys() <= filled.keys():
        return None
    values = [*(filled | changed).values()]
    if check_form(studio, values).config is None:
        return None
    return RestoredForm(preset, name, values, frozenset(changed))
