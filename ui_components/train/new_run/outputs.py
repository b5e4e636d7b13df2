"""Outputs of the handlers of the New run tab, or their components, in order."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ui_components.app.studio import Studio, action


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
    name: Any  # its placeholder is the suggested name
    state: Any  # a FormState
    stored: Any  # the form in the browser's storage


class FormUpdate(NamedTuple):
    """Outputs of the handlers that fill the form, or their components; `settings` are in the order of FORM_SETTINGS."""

    preset: Any
    settings: tuple[Any, ...]
    feedback: FormFeedback


class FormChoices(NamedTuple):
    """Outputs of `update_choices`, or their components; `settings` are in the order of FORM_SETTINGS."""

    preset: Any
    settings: tuple[Any, ...]
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
    """Outputs of `start`: the id of the run, and the empty field for the name of the next one."""

    run: Any
    name: Any


def flattened(outputs: tuple[Any, ...]) -> Iterator[Any]:
    """Yields the values or components of nested NamedTuples, in order."""
    for output in outputs:
        if isinstance(output, tuple):
            yield from flattened(output)
        else:
            yield output


def flat_action(handler: Callable[..., tuple[Any, ...]], studio: Studio) -> Callable[..., list[Any]]:
    """Binds a handler to the studio; its nested result becomes the list of values that Gradio expects."""
    bound = action(handler, studio)

    @functools.wraps(bound)
    def run_handler(*arguments: Any) -> list[Any]:
        return list(flattened(bound(*arguments)))

    return run_handler
