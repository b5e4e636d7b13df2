"""The settings of an evaluation, as texts for its reports."""

import time

from qal.evaluation.records import Evaluation


def describe_evaluation(evaluation: Evaluation) -> str:
    """The id, corpus, split, start time and state of an evaluation, in one line."""
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(evaluation.started))
    state = "" if evaluation.state == "finished" else f" · {evaluation.state}"
    return f"{evaluation.id} · {evaluation.corpus} · {evaluation.split} set · {started}{state}"


def evaluation_facts(evaluation: Evaluation) -> list[tuple[str, str]]:
    """The settings of an evaluation as names and values, without those that are not known."""
    facts = [
        ("Model", evaluation.model),
        ("Dataset", evaluation.corpus),
        ("Dataset version", evaluation.corpus_version),
        ("Language", evaluation.language or "that of each example"),
        ("Decoding", _listed(evaluation.decoding)),
        ("Hardware", _listed(evaluation.hardware)),
        ("Problem", evaluation.problem),
    ]
    return [(name, value) for name, value in facts if value]


def _listed(settings: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None)
