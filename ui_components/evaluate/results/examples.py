"""Handlers of the examples: all of them, those of a group, of a confusion, or with a word."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from pydantic import BaseModel

from qal.errors import EvaluationError
from qal.evaluation.errors.analysis import ErrorAnalysis
from qal.evaluation.errors.search import RowFilter, find_rows
from qal.evaluation.records import Evaluation, read_rows
from ui_components.app.studio import Studio
from ui_components.evaluate.errors.charts import GROUP_TITLES
from ui_components.evaluate.results import view
from ui_components.evaluate.results.stored import analysis_of, evaluation_of, find_evaluation, known_normaliser
from ui_components.train.run.actions import is_served

STORED = ""  # of the normaliser: that of the evaluation
PAIR = "pair"  # of a Narrowing: a confusion
PAGE_EXAMPLES = 20


class Narrowing(BaseModel, frozen=True):
    """The group or the confusion whose examples are shown."""

    by: str = ""  # a key of GROUP_TITLES, PAIR for a confusion, "" for none
    key: str = ""


class ExamplesShown(NamedTuple):
    """Outputs of `show_examples`."""

    examples: Any
    more: Any


class Narrowed(NamedTuple):
    """Outputs of `narrow` and `show_all`."""

    narrowing: dict[str, str]
    shown: int  # number of examples


def narrow_to_group(studio: Studio, by: str, event: gr.EventData) -> Narrowed:
    """Shows the examples of the clicked group only."""
    return Narrowed(Narrowing(by=by, key=str(clicked(event).get("key", ""))).model_dump(), PAGE_EXAMPLES)


def narrow_to_pair(studio: Studio, event: gr.EventData) -> Narrowed:
    """Shows the examples of the clicked confusion only."""
    return Narrowed(Narrowing(by=PAIR, key=str(clicked(event).get("key", ""))).model_dump(), PAGE_EXAMPLES)


def show_all() -> Narrowed:
    return Narrowed({}, PAGE_EXAMPLES)


def show_examples(
    studio: Studio, opened: str | None, normaliser: str, search: str, narrowing: Mapping[str, str], count: int
) -> ExamplesShown:
    """Shows the worst examples of those that are chosen.

    Args:
        studio: the studio.
        opened: id of the evaluation; None: the page has just been loaded.
        normaliser: identifier of the normaliser, STORED for that of the evaluation.
        search: words that occur in the reference or the prediction; "" for all examples.
        narrowing: values of a Narrowing.
        count: number of examples to show."""
    if not opened:
        return ExamplesShown("", gr.Button(visible=False))
    evaluation, analysis = analysed(studio, opened, normaliser)
    if analysis is None:
        return ExamplesShown("", gr.Button(visible=False))
    chosen = Narrowing(**narrowing)
    found = set(find_rows(analysis.found, RowFilter.model_validate({"text": search.strip()}), analysis.normaliser))
    if chosen.by:
        found &= set(_rows_of(analysis, chosen))
    ordered = sorted(found, key=lambda i: _badness(analysis, i))
    title = _title(search, chosen)
    shown = view.examples_html(
        analysis, ordered[:count], len(ordered), title, lambda name: audio_of(studio, evaluation, name)
    )
    return ExamplesShown(shown, gr.Button(visible=len(ordered) > count))


def audio_of(studio: Studio, evaluation: Evaluation, name: str) -> Path | None:
    """Returns the sound of an example; None if it is gone, or if the server may not send it."""
    if not evaluation.corpus_path:
        return None
    corpus = Path(evaluation.corpus_path)
    path = ((corpus.parent if corpus.suffix == ".jsonl" else corpus) / name).resolve()
    return path if is_served(studio, path) else None


def analysed(studio: Studio, opened: str | None, normaliser: str) -> tuple[Evaluation, ErrorAnalysis | None]:
    """Returns an evaluation and its errors; None while nothing is scored."""
    folder = find_evaluation(studio.evaluations, opened)
    evaluation = evaluation_of(folder)
    try:
        return evaluation, analysis_of(folder, normaliser or known_normaliser(evaluation))
    except EvaluationError:
        if read_rows(folder):
            raise
        return evaluation, None


def _rows_of(analysis: ErrorAnalysis, chosen: Narrowing) -> tuple[int, ...]:
    """Returns the rows of a group or of a confusion; none if it is no longer there."""
    if chosen.by == PAIR:
        return next((found.rows for found in analysis.words if view.pair_key(found) == chosen.key), ())
    groups = analysis.groups.get(chosen.by, ())
    return next((group.indices for group in groups if group.name == chosen.key), ())


def _badness(analysis: ErrorAnalysis, index: int) -> tuple[float, int]:
    """Sorts the highest error rate first, of equal ones the longer example."""
    counts = analysis.found.counts
    length = int(counts.lengths[index])
    return -float(counts.errors[index]) / max(1, length), -length


def _title(search: str, chosen: Narrowing) -> str:
    parts = ["Worst examples first"]
    if chosen.by == PAIR:
        parts.append("with " + " → ".join(side or view.NOTHING for side in chosen.key.split("\t")))
    elif chosen.by:
        parts.append(f"{GROUP_TITLES.get(chosen.by, chosen.by).lower()}: {chosen.key}")
    if search.strip():
        parts.append(f"with “{search.strip()}”")
    return ", ".join(parts)


def clicked(event: gr.EventData) -> Mapping[str, Any]:
    return event._data if isinstance(event._data, dict) else {}
