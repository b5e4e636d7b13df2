"""Outputs of the handlers of the New run tab, or their components, in order."""

from typing import Any, NamedTuple

import gradio as gr


class FormFeedback(NamedTuple):
    """The components beside and below the form, or their values."""

    problems: Any
    differences: Any
    reset: Any
    estimate: Any
    start: Any
    find_learning_rate: Any
    command_line: Any
    yaml: Any


class FormUpdate(NamedTuple):
    """Outputs of the handlers that fill the form, or their components; `settings` are in the order of FORM_SETTINGS."""

    preset: Any
    settings: tuple[Any, ...]
    feedback: FormFeedback


class FormChoices(NamedTuple):
    """Outputs of `update_choices`, or their components."""

    preset: Any
    base: Any
    corpus: Any
    retention_corpora: Any
    note: Any
    fetch: Any
    feedback: FormFeedback


class LoadedRun(NamedTuple):
    """Outputs of `load_run`. `copied_run` is cleared and the New run tab is selected."""

    copied_run: Any
    tabs: Any
    form: FormUpdate


class AugmentationUpdate(NamedTuple):
    """Outputs of `apply_augmentation_preset`, or their components."""

    settings: tuple[Any, ...]
    feedback: FormFeedback


class StartedRun(NamedTuple):
    """Outputs of `start`: the id of the run, and the tabs with Run selected."""

    run: str
    tabs: gr.Tabs
