"""The address of the page: #tab/inner tab/run or evaluation.

With it, a reload, a link and the browser's Back show the same place.

address.js writes the fragment when a tab is selected; the handler here selects the tabs of a fragment."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import gradio as gr

from qal.evaluation.evaluate import evaluations_of
from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.data.tab_ids import ADD_TAB, BROWSE_TAB, RECORD_TAB
from ui_components.evaluate.tab_ids import BLIND, EVALUATE_TAB, NEW, RESULTS, SERVING
from ui_components.train.tab_ids import COMPARE_TAB, NEW_RUN_TAB, RUN_TAB

SCRIPT = Path(__file__).parent / "address.js"
TRAIN_TAB, DATA_TAB = "train", "data"
# The inner tabs by the tab that has them, the one that is shown first at the front; address.js has these, too.
INNER_TABS: Mapping[str, Sequence[str]] = {
    TRAIN_TAB: (NEW_RUN_TAB, RUN_TAB, COMPARE_TAB),
    DATA_TAB: (BROWSE_TAB, ADD_TAB, RECORD_TAB),
    EVALUATE_TAB: (RESULTS, NEW, BLIND, SERVING),
}
FRAGMENT_JS = "(address, ids) => [location.hash.slice(1), ids]"
RESTORED_JS = "() => { document.dispatchEvent(new Event('qal-restored')); }"


class Place(NamedTuple):
    """The outputs of `open_address`, or their components. The tabs come last: their select events read the others."""

    run: Any  # id of the run on the Run tab
    evaluation: Any  # id of the evaluation among the results
    train_tabs: Any  # below Train
    data_tabs: Any  # below Data
    evaluate_tabs: Any  # below Evaluate
    tabs: Any


def run_address(run_id: str) -> str:
    """The fragment of a run's page, as a link."""
    return f"#{TRAIN_TAB}/{RUN_TAB}/{run_id}"


def remember_selection(tab: gr.Tab, outer_id: str, inner_id: str = "") -> None:
    """Writes the address when a tab is selected. To be called before the other events of the tab, which take longer.

    Args:
        tab: a tab of the page, or one inside of it.
        outer_id: id of the tab of the page.
        inner_id: id of the tab inside of it."""
    opened = {"inner": {outer_id: inner_id}} if inner_id else {"tab": outer_id}
    tab.select(None, None, None, js=_opened_js(json.dumps(opened)), **EVENT_OPTIONS)


def wire_address(studio: Studio, page: gr.Blocks, place: Place, tab_ids: Sequence[str]) -> None:
    """Connects the address with the tabs.

    Args:
        studio: the studio.
        page: the page.
        place: the components that an address sets.
        tab_ids: the ids of the page's tabs.
    """
    address = gr.HTML("", html_template="<span hidden></span>", js_on_load=SCRIPT.read_text(encoding="utf-8"))
    for state, chosen_place in ((place.run, chosen_run), (place.evaluation, chosen_evaluation)):
        copy = gr.JSON(visible=False)  # the browser's copy of the state
        chosen = state.change(chosen_place, state, copy, **EVENT_OPTIONS)
        chosen.then(None, copy, None, js=_opened_js("chosen"), **EVENT_OPTIONS)
    open_place = action(open_address, studio)
    inputs, outputs = [address, gr.State(tuple(tab_ids))], list(place)
    loaded = page.load(open_place, inputs, outputs, js=FRAGMENT_JS, **EVENT_OPTIONS)
    loaded.then(None, None, None, js=RESTORED_JS, **EVENT_OPTIONS)
    address.change(open_place, inputs, outputs, **EVENT_OPTIONS)


def _opened_js(detail: str) -> str:
    return f"(chosen) => {{ document.dispatchEvent(new CustomEvent('qal-opened', {{detail: {detail}}})); }}"


def chosen_run(run_id: str | None) -> dict[str, str]:
    """The part of the address for the chosen run; "" without one."""
    return {"run": run_id or ""}


def chosen_evaluation(evaluation_id: str | None) -> dict[str, str]:
    """The part of the address for the chosen evaluation; "" without one, which shows the newest."""
    return {"evaluation": evaluation_id or ""}


def open_address(studio: Studio, address: str | None, tab_ids: tuple[str, ...]) -> Place:
    """Selects the tabs, and the run or the evaluation, of an address. Unknown parts are ignored.

    Args:
        studio: the studio.
        address: a fragment without #; address.js adds a space and a time.
        tab_ids: the ids of the page's tabs.
    """
    parts = [unquote(part) for part in (address or "").partition(" ")[0].split("/")]
    tab, inner, chosen = (*parts, "", "")[:3]
    return Place(
        run=chosen if chosen and tab == TRAIN_TAB and chosen in _known_runs(studio) else gr.skip(),
        evaluation=chosen if chosen and tab == EVALUATE_TAB and chosen in _known_evaluations(studio) else gr.skip(),
        **{f"{outer}_tabs": _selected(inner, ids) if tab == outer else gr.skip() for outer, ids in INNER_TABS.items()},
        tabs=gr.Tabs(selected=tab) if tab in tab_ids else gr.skip(),
    )


def _known_runs(studio: Studio) -> set[str]:
    return {entry.id for entry in studio.run_index.entries(studio.runs)}


def _known_evaluations(studio: Studio) -> set[str]:
    return {evaluation.id for _, evaluation in evaluations_of(studio.evaluations)}


def _selected(inner: str, tab_ids: Sequence[str]) -> Any:
    """Selects an inner tab, the first one if the address names none; an unknown one is ignored."""
    selected = inner or tab_ids[0]
    return gr.Tabs(selected=selected) if selected in tab_ids else gr.skip()
