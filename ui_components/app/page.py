"""The two pages: the studio with all tabs, and the Live page alone."""

from typing import Any

import gradio as gr

from ui_components.app.address import DATA_TAB, TRAIN_TAB, Place, remember_selection, wire_address
from ui_components.app.header import header
from ui_components.app.notices import notices
from ui_components.app.running_jobs import running_jobs
from ui_components.app.studio import Studio
from ui_components.data.tab import data_tab
from ui_components.evaluate.opening import EvaluateTab, wire_evaluate, wire_newest
from ui_components.evaluate.tab import evaluate_tab
from ui_components.evaluate.tab_ids import EVALUATE_TAB
from ui_components.live.tab import live_tab
from ui_components.models.tab import ModelsTab, models_tab
from ui_components.system.tab import system_tab
from ui_components.train.run.model_actions import wire_use
from ui_components.train.tab import TrainTab, train_tab
from ui_components.transcribe.tab import transcribe_tab

TABS = {
    "Live": live_tab,
    "Data": data_tab,
    "Train": train_tab,
    "Evaluate": evaluate_tab,
    "Models": models_tab,
    "Transcribe": transcribe_tab,
    "System": system_tab,
}
MODELS_TAB = "models"
CACHE_SWEEP_INTERVAL_S, CACHE_MAX_AGE_S = 600, 3600  # of uploaded files


def studio_page(studio: Studio) -> gr.Blocks:
    """The page with all tabs."""
    with _blocks() as page:
        header()
        running_jobs(studio, page)
        notices(studio, page)
        parts: dict[str, Any] = {}  # of the tabs, for the connections between them
        with gr.Tabs(elem_id="qal-tabs") as all_tabs:
            for name, add_tab in TABS.items():
                with gr.Tab(name, id=name.lower()) as tab:
                    remember_selection(tab, name.lower())
                    # Only the first tab is filled at once: each update of a component takes the browser milliseconds
                    opened = [tab.select] if parts else [page.load, tab.select]
                    parts[name.lower()] = add_tab(studio, page, opened)
        train: TrainTab = parts[TRAIN_TAB]
        train.stored_form.render()
        selector, buttons = train.run_tab.selector, train.run_tab.model_buttons
        wire_use(studio, buttons, selector, all_tabs, parts)
        evaluate: EvaluateTab = parts[EVALUATE_TAB]
        models: ModelsTab = parts[MODELS_TAB]
        wire_evaluate(studio, buttons.evaluate, selector, evaluate, all_tabs)
        wire_evaluate(studio, models.evaluate, models.selected, evaluate, all_tabs)
        wire_newest(studio, models.details, evaluate, all_tabs)
        place = Place(train.run, evaluate.chosen, train.tabs, parts[DATA_TAB], evaluate.inner, all_tabs)
        wire_address(studio, page, place, [*parts])
    return page


def live_page(studio: Studio) -> gr.Blocks:
    """The page with live captions only."""
    with _blocks() as page:
        header()
        live_tab(studio, page, [page.load])
    return page


def _blocks() -> gr.Blocks:
    return gr.Blocks(title="Qal", analytics_enabled=False, delete_cache=(CACHE_SWEEP_INTERVAL_S, CACHE_MAX_AGE_S))
