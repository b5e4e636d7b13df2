"""Handlers that show another dataset: one that was imported, recorded, renamed or deleted."""

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ui_components.app.studio import Studio
from ui_components.data.add.actions import SEEN
from ui_components.data.corpora import FILTER_FIELDS, TableFilter
from ui_components.data.tab_ids import BROWSE_TAB
from ui_components.widgets.choices import corpus_choices, first_available


class Arrived(NamedTuple):
    """Outputs of `show_arrived`."""

    corpus: Any
    inner_tabs: Any


class NextShown(NamedTuple):
    """Outputs of `show_next`."""

    corpus: Any
    shown: None


def show_arrived(studio: Studio, arrived: str, current: str | None) -> Arrived:
    """Selects the dataset of an import that has finished, as from `newest_result`."""
    _, kind, name = (*arrived.split(":"), "", "")[:3]
    choices = corpus_choices(studio.data)
    folder = next((value for _, value in choices if Path(value).name == name), None)
    if arrived.startswith(SEEN) or folder is None or kind != "import" or folder == current:
        return Arrived(gr.skip(), gr.skip())
    return Arrived(gr.Dropdown(choices=choices, value=folder), gr.Tabs(selected=BROWSE_TAB))


def show_recorded(studio: Studio, current: str | None, event: gr.EventData) -> gr.Dropdown:
    """Selects the dataset into which was recorded."""
    choices = corpus_choices(studio.data)
    name = event._data.get("name") if isinstance(event._data, dict) else None
    folder = next((value for _, value in choices if Path(value).name == name), None)
    return gr.Dropdown(choices=choices, value=first_available(choices, folder, current))


def show_next(studio: Studio, shown: str | None) -> NextShown:
    """Selects the dataset that was renamed or split; "" is a deleted one, after which the first one is shown."""
    if shown is None:
        return NextShown(gr.skip(), None)
    choices = corpus_choices(studio.data)
    return NextShown(gr.Dropdown(choices=choices, value=first_available(choices, shown)), None)


def empty_filters() -> tuple[Any, ...]:
    """The values of the table's filters without a filter, and no opened clip."""
    empty = TableFilter()
    return (*(getattr(empty, name) for name in FILTER_FIELDS), None)
