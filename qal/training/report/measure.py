"""What a run's report and its model's card say. No torch here."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from qal.corpus.manifest import Corpus, Row, read_corpus
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.engine.model_directory import MeasuredWer, ModelCard, read_card, write_card
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.retention import Bounds, Forms, check_retention, corpora_beside
from qal.evaluation.scoring import SEED, Progress, score_engines
from qal.jobs.example_selection import held_out_rows, other_speech, references, training_rows
from qal.jobs.machine import engine_device
from qal.jobs.metrics import train_seconds
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run

Bars = Callable[[str], Progress]  # stage -> progress(done, of)


def stock_of(config: TrainingConfig, runs: Path) -> str:
    """The catalogue's name of the weights that the base was once made from; the base's own where it is stock."""
    return read_card(resolve(config.base, runs)).base_model.replace("unknown", config.base)


def version_of(corpora: list[Corpus]) -> str:
    """A corpus' version; of several, the sha256 of theirs."""
    versions = [c.info.version for c in corpora]
    return versions[0] if len(versions) == 1 else hashlib.sha256("\n".join(sorted(versions)).encode()).hexdigest()


def data_sentences(corpora: list[Corpus], config: TrainingConfig) -> list[str]:
    """Each corpus, how much of it was learned from, and on what terms."""
    rows = training_rows(corpora, config)
    return [_data_sentence(corpus, [r for c, r in rows if c is corpus]) for corpus in corpora]


def _data_sentence(corpus: Corpus, rows: list[Row]) -> str:
    info, hours = corpus.info, sum(r.duration_s for r in rows) / 3600
    credit = f" {info.attribution}" if info.attribution else ""
    return (
        f"**{info.name}**: {len(rows)} utterances, {hours:.2f} hours; {info.source}; licence {info.licence}.{credit} "
        f"Version `{info.version[:16]}`."
    )


def measure(run: Run, config: TrainingConfig, corpora: list[Corpus], card: ModelCard, bars: Bars) -> dict:
    """The report: stock weights at 30 s against the tuned ones at both contexts, on the test split, one engine."""
    held_out = references(run, corpora, config, ("test",), config.report_utterances)
    engines = {
        "stock_30s": Engine(resolve(card.base_model, run.folder.parent), engine_device(config), context="full"),
        "tuned_30s": Engine(run.model, engine_device(config), context="full"),
        "tuned_adaptive": Engine(run.model, engine_device(config)),
    }
    scored = score_engines(engines, held_out, bars("report"))
    tuned = scored["tuned_adaptive"].score
    measured = MeasuredWer(
        wer=tuned.wer, low=tuned.wer_low, high=tuned.wer_high, corpus=", ".join(c.info.name for c in corpora)
    )
    write_card(run.model, card.model_copy(update={"measured": measured}))
    paired = paired_difference(scored["tuned_adaptive"].counts, scored["stock_30s"].counts, np.random.default_rng(SEED))
    kept = retention(run, config, corpora, engines, bars)
    written = all(row.text for _, row in held_out_rows(corpora, config, ("test",)))
    return {
        "run": run.id,
        "method": config.method,
        "base_model": card.base_model,
        "corpus": measured.corpus,
        "corpus_version": card.corpus_version,
        "language": config.language or ", ".join(card.languages),
        "references": "people" if written else "base",
        "utterances": len(held_out),
        "words": int(scored["stock_30s"].counts.words.sum()),
        "train_seconds": round(train_seconds(run.metrics()), 1),
        **{name: s.score.as_dict() for name, s in scored.items()},
        "paired": {name: round(value, 5) for name, value in asdict(paired).items()},
        **({"retention": kept} if kept else {}),
    }


def retention(
    run: Run, config: TrainingConfig, corpora: list[Corpus], engines: dict[str, Engine], bars: Bars
) -> dict | None:
    """What the tuned weights still can on speech that they were not trained on; None where there is no such speech."""
    others = [read_corpus(Path(folder)) for folder in config.retention.corpora] or corpora_beside(corpora)
    known = engines["stock_30s"].tokenizer.languages
    spoken = other_speech(run, others, config, known) if config.method == "finetune" else {}
    if not spoken:
        return None
    return check_retention(Forms(**engines), spoken, Bounds(config.retention.max_wer_loss), bars("retention"))
