"""Which rows of its corpora a run uses: those it learns from, and those its check and its report are measured on.

No torch here."""

from collections.abc import Container
from dataclasses import replace

from qal.corpus.manifest import Corpus, Row, read_corpus
from qal.corpus.split import SPLITS, Split, evenly
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.errors import CorpusError, TrainingError
from qal.evaluation.scoring import SpokenReference, transcribe_each
from qal.jobs.machine import engine_device
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.jobs.skipped_audio import BadRow, SkippedRows, heard_or_bad


def read_corpora(config: TrainingConfig) -> list[Corpus]:
    return [read_corpus(folder, config.faults.bad_rows_share) for folder in config.corpus_folders]


def references(run: Run, corpora: list[Corpus], config: TrainingConfig, splits: tuple, n: int) -> list[SpokenReference]:
    """At most n held-out utterances; where nobody wrote down what is said, what the base writes at 30 s."""
    found = readable(run, evenly(held_out_rows(corpora, config, splits), n), config.language)
    if not found:
        raise CorpusError("no held-out row has audio that can be used; mend the corpus, see skipped.jsonl")
    if all(r.text for r in found):
        return found
    base = Engine(resolve(config.base, run.folder.parent), engine_device(config), context="full")
    said = [r if r.text else replace(r, text=transcribe_each(base, [r])[0]) for r in found]
    spoken = [r for r in said if r.text]
    if not spoken:
        raise TrainingError("nothing is understood in the held-out rows; import speech in a language the base knows")
    return spoken


def other_speech(run: Run, others: list[Corpus], config: TrainingConfig, known: Container[str]) -> dict:
    """Name -> at most retention.utterances test rows of corpora that were not trained on, in known languages."""
    found = {}
    for other in others:
        rows = [(c, r) for c, r in held_out_rows([other], config, ("test",)) if r.language in known]
        spoken = readable(run, evenly(rows, config.retention.utterances), None)
        found |= {other.info.name: spoken} if spoken else {}
    return found


def readable(run: Run, rows: list[tuple[Corpus, Row]], language: str | None) -> list[SpokenReference]:
    """Those whose audio can be used; the others are listed in skipped.jsonl."""
    found, skipped = [], SkippedRows(run.skipped_file, len(rows), share=1)
    for corpus, row in rows:
        sound = heard_or_bad(corpus.audio_path(row), row.duration_s)
        if isinstance(sound, BadRow):
            skipped.add([sound])
        else:
            found.append(SpokenReference(sound, row.text, language or row.language))
    return found


def usable(row: Row, split: Split, config: TrainingConfig) -> bool:
    """Whether the trainer can use it. Distillation needs no text; a row to learn from may have a translation alone."""
    long_enough = config.min_utterance_s <= row.duration_s <= config.max_utterance_s
    translates = split == "train" and config.targets.translate_share > 0
    return long_enough and bool(row.text.strip() or config.method == "distill" or (translates and row.translation))


def training_rows(corpora: list[Corpus], config: TrainingConfig) -> list[tuple[Corpus, Row]]:
    """What the run learns from."""
    rows = [(c, r) for c in corpora for r in c.select("train") if usable(r, "train", config)]
    return evenly(rows, config.max_utterances)


def require_rows(corpora: list[Corpus], config: TrainingConfig) -> None:
    """Raises CorpusError where a split has none that the run can use."""
    for split in SPLITS:
        if not (training_rows(corpora, config) if split == "train" else held_out_rows(corpora, config, (split,))):
            kind = "row" if config.method == "distill" else "row with text"
            lasting = f"between {config.min_utterance_s:g} and {config.max_utterance_s:g} s"
            raise CorpusError(f"there is no {kind} {lasting} in split '{split}'; import more speech, or choose another")


def held_out_rows(corpora: list[Corpus], config: TrainingConfig, splits: tuple) -> list[tuple[Corpus, Row]]:
    """What the engine can hear at once and, but for distillation, what has a text."""
    rows = [(c, r) for c in corpora for split in splits for r in c.select(split)]
    textless = config.method == "distill"
    return [(c, r) for c, r in rows if r.duration_s <= config.max_utterance_s and (r.text.strip() or textless)]
