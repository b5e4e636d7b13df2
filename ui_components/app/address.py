"""The address of the page (#tab/inner tab/run), so that a reload, a link and the browser's Back show the same place.

address.js writes the fragment when a tab is selected; the handler here selects the tabs of a fragment."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.train.tab_ids import COMPARE_TAB, NEW_RUN_TAB, RUN_TAB

SCRIPT = Path(__file__).parent / "address.js"
TRAIN_TAB = "train"
INNER_TABS = (NEW_RUN_TAB, RUN_TAB, COMPARE_TAB)
FRAGMENT_JS = "(address, ids) => [location.hash.slice(1), ids]"
RESTORED_JS = "() => { document.dispatchEvent(new Event('qal-restored')); }"


class Place(NamedTuple):
    """The outputs of `open_address`, or their components. The tabs come last: their select events read the others."""

    run: Any  # id of the run on the Run tab
    inner_tabs: Any  # below Train
    tabs: Any


def run_address(run_id: str) -> str:
    """The fragment of a run's page, as a link."""
    return f"#{TRAIN_TAB}/{RUN_TAB}/{run_id}"


def wire_address(
    studio: Studio,
    page: gr.Blocks,
    place: Place,
    tabs: Mapping[str, gr.Tab],
    inner_tabs: Mapping[str, gr.Tab],
    shown_run: gr.Dropdown,
) -> None:
    """Connects the address with the tabs.

    Args:
        studio: the studio.
        page: the page.
        place: the components that an address sets.
        tabs: the tabs by their ids.
        inner_tabs: the tabs below Train by their ids.
        shown_run: its value is the id of the run on the Run tab.
    """
    address = gr.HTML("", html_template="<span hidden></span>", js_on_load=SCRIPT.read_text(encoding="utf-8"))
    for name, parts in (("tab", tabs), ("inner", inner_tabs)):
        for tab_id, tab in parts.items():
            tab.select(None, None, None, js=_opened_js(json.dumps({name: tab_id})), **EVENT_OPTIONS)
    shown_run.change(None, shown_run, None, js=_opened_js("{run: run ?? ''}"), **EVENT_OPTIONS)
    open_place, tab_ids = action(open_address, studio), gr.State(tuple(tabs))
    inputs, outputs = [address, tab_ids], list(place)
    loaded = page.load(open_place, inputs, outputs, js=FRAGMENT_JS, **EVENT_OPTIONS)
    loaded.then(None, None, None, js=RESTORED_JS, **EVENT_OPTIONS)
    address.change(open_place, inputs, outputs, **EVENT_OPTIONS)


def _opened_js(detail: str) -> str:
    return f"(run) => {{ document.dispatchEvent(new CustomEvent('qal-opened', {{detail: {detail}}})); }}"


def open_address(studio: Studio, address: str | None, tab_ids: tuple[str, ...]) -> Place:
    """Selects the tabs and the run of an address. Unknown parts are ignored.

    Args:
        studio: the studio.
        address: a fragment without #; address.js adds a space and a time.
        tab_ids: the ids of the page's tabs.
    """
    parts = [unquote(part) for part in (address or "").partition(" ")[0].split("/")]
    tab, inner, run_id = (*parts, "", "")[:3]
    known_runs = {entry.id for entry in studio.run_index.entries(studio.runs)} if run_id else set()
    is_train = tab == TRAIN_TAB
    return Place(
        run=run_id if is_train and run_id in known_runs else gr.skip(),
        inner_tabs=gr.Tabs(selected=inner) if is_train and inner in INNER_TABS else gr.skip(),
        tabs=gr.Tabs(selected=tab) if tab in tab_ids else gr.skip(),
    )
