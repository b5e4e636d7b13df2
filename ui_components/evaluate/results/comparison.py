"""The names of evaluations and their models, and the comparison of two evaluations."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from qal.evaluation.comparison.differences import common_examples, difference
from qal.evaluation.records import Evaluation, read_rows
from qal.jobs.kept_checkpoints import SEPARATOR
from qal.jobs.notes import run_name
from qal.jobs.run import list_runs
from qal.text.normalisation.registry import find_normaliser
from ui_components.app.studio import Studio
from ui_components.evaluate.results import view
from ui_components.evaluate.results.stored import evaluation_of, find_evaluation, known_normaliser, list_evaluations
from ui_components.widgets.choices import Choices, model_choices

NONE = ""  # of the comparison


def model_titles(studio: Studio) -> Callable[[str], str]:
    """Returns a function for the name of an evaluation's model: that of its run, or the last part of a path.

    A checkpoint is named after its run, too."""
    titles = {value: label for label, value in model_choices(studio.runs, studio.model)}
    names = {run.id: run_name(run) for run in list_runs(studio.runs)}

    def title(model: str) -> str:
        run, _, checkpoint = model.rpartition(SEPARATOR)
        if run in names:
            return f"{names[run]} · {checkpoint.replace('-', ' ')}"
        return titles.get(model) or (Path(model).name if model.startswith("/") else model)

    return title


def comparison_choices(studio: Studio, evaluation: Evaluation) -> Choices:
    """The other evaluations of the same dataset and split."""
    others = [
        item.evaluation
        for item in list_evaluations(studio.evaluations)
        if item.figures
        and item.evaluation.id != evaluation.id
        and (item.evaluation.corpus, item.evaluation.split) == (evaluation.corpus, evaluation.split)
    ]
    return [("None", NONE), *labels(studio, others)]


def update_choices(studio: Studio, opened: str) -> Any:
    """Lists the evaluations to compare with anew, because another one may have ended; the choice is kept."""
    if not opened:
        return gr.skip()
    evaluation = evaluation_of(find_evaluation(studio.evaluations, opened))
    return gr.Dropdown(choices=comparison_choices(studio, evaluation))


def labels(studio: Studio, evaluations: Sequence[Evaluation]) -> Choices:
    """Returns evaluations as choices: the model, the dataset and the time of the start."""
    titles = model_titles(studio)
    return [(f"{titles(e.model)} · {e.corpus}, {_time(e.started)}", e.id) for e in evaluations]


def _time(started: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(started))


def compare(studio: Studio, opened: str, other: str | None, normaliser: str) -> str:
    """Shows the paired difference of the opened evaluation to another one, "" without one."""
    if not other:
        return ""
    folder, other_folder = (find_evaluation(studio.evaluations, name) for name in (opened, other))
    first, second = evaluation_of(folder), evaluation_of(other_folder)
    applied = find_normaliser(normaliser or known_normaliser(first))
    pair = common_examples(read_rows(folder), read_rows(other_folder), applied)
    titles = model_titles(studio)
    name, other_name = titles(first.model), titles(second.model)
    if name == other_name:
        name, other_name = first.id, second.id
    return view.difference_html(difference(pair), pair.system.counts.measure, name, other_name, applied.id)
