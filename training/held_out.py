"""The rows that nothing is learned from: what the conversion check and the report are measured on. No torch here."""

from dataclasses import replace
from pathlib import Path

from corpus.manifest import Corpus, Row
from corpus.split import evenly
from engine.catalogue import resolve
from engine.engine import Engine
from errors import TrainingError
from evaluation.score import SpokenReference, load_references, transcribe_each
from training.config import TrainingConfig


def references(
    corpora: list[Corpus], config: TrainingConfig, splits: tuple, n: int, runs: Path
) -> list[SpokenReference]:
    """At most n held-out utterances; where nobody wrote down what is said, what the base writes at 30 s."""
    rows = evenly(held_out_rows(corpora, config, splits), n)
    found = [x for corpus, row in rows for x in load_references(corpus, [row], config.language)]
    if all(r.text for r in found):
        return found
    base = Engine(resolve(config.base, runs), config.device, context="full")
    said = [r if r.text else replace(r, text=transcribe_each(base, [r])[0]) for r in found]
    spoken = [r for r in said if r.text]
    if not spoken:
        raise TrainingError("nothing is understood in the held-out rows; import speech in a language the base knows")
    return spoken


def held_out_rows(corpora: list[Corpus], config: TrainingConfig, splits: tuple) -> list[tuple[Corpus, Row]]:
    """What the engine can hear at once and, but for distillation, what has a text."""
    rows = [(c, r) for c in corpora for split in splits for r in c.select(split)]
    textless = config.method == "distill"
    return [(c, r) for c, r in rows if r.duration_s <= config.max_utterance_s and (r.text or textless)]
