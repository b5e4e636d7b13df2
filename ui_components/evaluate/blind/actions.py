"""Handlers of the blind test: the pair, the next example of a rater, votes, and the result."""

from typing import NamedTuple

import gradio as gr

from qal.errors import EvaluationError
from qal.evaluation.blind_test import (
    BlindTest,
    Item,
    Pair,
    Side,
    items_of,
    pair_of,
    rater_name,
    sides,
    vote_of,
)
from qal.evaluation.records import read_rows
from ui_components.app.studio import Studio, current_user
from ui_components.evaluate.blind import view
from ui_components.evaluate.results.comparison import labels, model_titles
from ui_components.evaluate.results.examples import audio_of
from ui_components.evaluate.results.stored import evaluation_of, find_evaluation, list_evaluations
from ui_components.widgets.choices import first_available
from ui_components.widgets.markup import note_html

NOT_CHOSEN = "choose two evaluations first"


class PairChoices(NamedTuple):
    """Outputs of `update_choices`."""

    first: gr.Dropdown
    second: gr.Dropdown
    rater: gr.Textbox


class OnScreen(NamedTuple):
    """The example that a page shows, and to whom: the order of its transcripts depends on all of them."""

    pair: Pair
    rater: str
    audio: str


class ItemShown(NamedTuple):
    """Outputs of `show_item`, `vote` and `undo`."""

    html: str
    on_screen: OnScreen | None
    buttons: gr.Row
    results: str


def update_choices(studio: Studio, first: str | None, second: str | None, request: gr.Request) -> PairChoices:
    """Lists the evaluations, for the second one those of the same dataset and split.

    Unless it is chosen, the second one is of another model where there is one."""
    evaluations = [item.evaluation for item in list_evaluations(studio.evaluations) if item.figures]
    choices = labels(studio, evaluations)
    current = first_available(choices, first)
    chosen = next((e for e in evaluations if e.id == current), None)
    same = [
        e for e in evaluations if chosen and e.id != chosen.id and (e.corpus, e.split) == (chosen.corpus, chosen.split)
    ]
    others = labels(studio, same)
    of_another = next((e.id for e in same if chosen and e.model != chosen.model), None)
    is_known = current_user(request) is not None
    return PairChoices(
        first=gr.Dropdown(choices=choices, value=current),
        second=gr.Dropdown(choices=others, value=first_available(others, second, of_another)),
        rater=gr.Textbox(visible=not is_known),
    )


def show_item(studio: Studio, first: str | None, second: str | None, rater: str, request: gr.Request) -> ItemShown:
    """Shows the next example of a rater, or what is missing."""
    name = current_user(request) or rater
    if not first or not second or not name.strip():
        results = _results(studio, pair_of(first, second)) if first and second else ""
        return ItemShown(note_html(view.INVITATION), None, gr.Row(visible=False), results)
    return _shown(studio, pair_of(first, second), rater_name(name))


def vote(
    studio: Studio,
    first: str,
    second: str,
    rater: str,
    on_screen: OnScreen | None,
    side: Side,
    request: gr.Request,
) -> ItemShown:
    """Stores a vote on the example that is shown, and shows the next one.

    Raises EvaluationError if none is shown, or if it is shown to another rater or of another pair, for whom A may be
    the other transcript."""
    if not first or not second:
        raise EvaluationError(NOT_CHOSEN)
    pair, name = pair_of(first, second), rater_name(current_user(request) or rater)
    if on_screen is None or on_screen.audio not in {item.audio for item in _items(studio, pair)}:
        raise EvaluationError("this example is no longer there; reload the page")
    if (on_screen.pair, on_screen.rater) != (pair, name):
        raise EvaluationError("the name or the evaluations were changed; listen to the example that is shown now")
    chosen = vote_of(pair, on_screen.audio, name, side)
    BlindTest(studio.evaluations).record(pair, on_screen.audio, name, chosen)
    return _shown(studio, pair, name)


def undo(studio: Studio, first: str, second: str, rater: str, request: gr.Request) -> ItemShown:
    """Withdraws the rater's last vote, and shows its example again. Raises EvaluationError if there is none."""
    if not first or not second:
        raise EvaluationError(NOT_CHOSEN)
    pair, name = pair_of(first, second), rater_name(current_user(request) or rater)
    audio = BlindTest(studio.evaluations).withdraw(pair, name)
    if audio is None:
        raise EvaluationError("you have not voted on these two evaluations yet")
    return _shown(studio, pair, name, audio)


def _shown(studio: Studio, pair: Pair, rater: str, wanted: str | None = None) -> ItemShown:
    """Shows the wanted example, else the next one of the rater."""
    items = _items(studio, pair)
    left = BlindTest(studio.evaluations).open_items(pair, rater, items)
    item = next((item for item in left if item.audio == wanted), left[0] if left else None)
    results = _results(studio, pair)
    if item is None:
        return ItemShown(view.done_html(len(items)), None, gr.Row(visible=False), results)
    evaluation = evaluation_of(find_evaluation(studio.evaluations, pair.first))
    path = audio_of(studio, evaluation, item.audio)
    shown = view.item_html(item, sides(pair, item, rater), path, len(left), len(items))
    return ItemShown(shown, OnScreen(pair, rater, item.audio), gr.Row(visible=True), results)


def _items(studio: Studio, pair: Pair) -> list[Item]:
    first, second = (read_rows(find_evaluation(studio.evaluations, name)) for name in pair)
    return items_of(first, second)


def _results(studio: Studio, pair: Pair) -> str:
    titles = model_titles(studio)
    first, second = (titles(evaluation_of(find_evaluation(studio.evaluations, name)).model) for name in pair)
    if first == second:
        first, second = pair
    return view.results_html(BlindTest(studio.evaluations).results(pair), first, second)
