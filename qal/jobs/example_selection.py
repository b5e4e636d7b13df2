"""Selection of the examples that a run uses for training, for the conversion check and for its report."""

from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from qal.corpus.left_out import describe_left_out
from qal.corpus.manifest import MANIFEST_FILE, Corpus, Row, read_corpus
from qal.corpus.split import SPLITS, Split, evenly_spaced
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.errors import CorpusError, TrainingError
from qal.evaluation.scoring import SpokenReference, transcribe_each
from qal.jobs.dataset_notes import left_out_of_run, score_reason, training_reason
from qal.jobs.machine import engine_device
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.jobs.skipped_audio import SkippedAudio, UnusableAudio, load_if_usable


class CorpusRow(NamedTuple):
    """A row with the corpus that it belongs to."""

    corpus: Corpus
    row: Row


def read_corpora(config: TrainingConfig) -> list[Corpus]:
    """Reads the corpora of a run. Raises CorpusError if one is invalid or too many of its files are missing."""
    return [read_corpus(folder, config.faults.bad_rows_share) for folder in config.corpus_folders]


def read_retention_corpora(config: TrainingConfig) -> list[Corpus]:
    """Reads the datasets of the retention check at the end of a run. Raises CorpusError if one is gone or invalid."""
    for folder in map(Path, config.retention.corpora):
        _require_manifest(folder.name, folder)
    return [read_corpus(Path(folder)) for folder in config.retention.corpora]


def require_present(corpora: Sequence[Corpus]) -> None:
    """Raises CorpusError if a dataset was deleted or moved since it was read."""
    for corpus in corpora:
        _require_manifest(corpus.info.name, corpus.folder)


def _require_manifest(name: str, folder: Path) -> None:
    if not (folder / MANIFEST_FILE).is_file():
        raise CorpusError(
            f"the dataset {name} is gone: it was deleted or moved from {folder}; put it back, then resume the run"
        )


def is_usable(row: Row, split: Split, config: TrainingConfig) -> bool:
    """True if the manifest gives no reason for which training leaves the row out."""
    return training_reason(row, split, config) is None


def training_examples(corpora: list[Corpus], config: TrainingConfig) -> list[CorpusRow]:
    """Returns the usable training rows, at most max_utterances."""
    rows = [CorpusRow(c, r) for c in corpora for r in c.select("train") if is_usable(r, "train", config)]
    return evenly_spaced(rows, config.max_utterances)


def held_out_examples(corpora: list[Corpus], config: TrainingConfig, splits: tuple[Split, ...]) -> list[CorpusRow]:
    """Returns the rows of the splits that are short enough and, except for distillation, have a text."""
    rows = [CorpusRow(c, r) for c in corpora for split in splits for r in c.select(split)]
    return [e for e in rows if score_reason(e.row, config) is None]


def require_examples(corpora: list[Corpus], config: TrainingConfig) -> None:
    """Raises CorpusError if a split has no example that the run can use."""
    for split in SPLITS:
        usable = (
            training_examples(corpora, config) if split == "train" else held_out_examples(corpora, config, (split,))
        )
        if not usable:
            kind = "example" if config.method == "distill" else "example with text"
            limits = f"between {config.min_utterance_s:g} and {config.max_utterance_s:g} s"
            left_out = describe_left_out(left_out_of_run(corpora, config))
            raise CorpusError(
                f"there is no {kind} {limits} in split '{split}'{f' ({left_out})' if left_out else ''}; "
                "import more recordings, or choose another dataset"
            )


def held_out_references(
    run: Run, corpora: list[Corpus], config: TrainingConfig, splits: tuple[Split, ...], count: int
) -> list[SpokenReference]:
    """Loads held-out examples with their references.

    An example without a transcript gets the transcript of the base model with 30 s windows as its reference.

    Args:
        run: the run; unusable audio is listed in its skipped.jsonl.
        corpora: the run's corpora.
        config: its configuration.
        splits: the splits to select from.
        count: maximum number of examples.

    Raises:
        CorpusError: a dataset is gone, or no example has usable audio.
        TrainingError: the base model transcribes no example.
    """
    require_present(corpora)
    references = usable_references(
        run, evenly_spaced(held_out_examples(corpora, config, splits), count), config.language
    )
    if not references:
        raise CorpusError("no held-out example has usable audio; see skipped.jsonl in the run's folder")
    if all(r.text for r in references):
        return references
    base = Engine(resolve(config.base, run.folder.parent), engine_device(config), context="full")
    labelled = [r if r.text else replace(r, text=transcribe_each(base, [r])[0]) for r in references]
    with_text = [r for r in labelled if r.text]
    if not with_text:
        raise TrainingError(
            "the base model transcribed none of the held-out examples; import speech in a language that it supports"
        )
    return with_text


def retention_references(
    run: Run, corpora: list[Corpus], config: TrainingConfig, languages: Container[str]
) -> dict[str, list[SpokenReference]]:
    """Loads test examples of corpora that the run does not train on, to measure forgetting.

    Args:
        run: the run; unusable audio is listed in its skipped.jsonl.
        corpora: the corpora that were not trained on.
        config: the run's configuration; retention.utterances limits the examples of each corpus.
        languages: the languages that the model supports; other examples are left out.

    Returns:
        the references by the name of their corpus; corpora without usable examples are left out.
    """
    by_corpus = {}
    for corpus in corpora:
        examples = [e for e in held_out_examples([corpus], config, ("test",)) if e.row.language in languages]
        references = usable_references(run, evenly_spaced(examples, config.retention.utterances), None)
        if references:
            by_corpus[corpus.info.name] = references
    return by_corpus


def usable_references(run: Run, examples: list[CorpusRow], language: str | None) -> list[SpokenReference]:
    """Returns the examples whose audio is usable, without keeping it; the others are listed in skipped.jsonl.

    Args:
        run: the run.
        examples: the examples to load.
        language: language of all examples; None: the language of each row.
    """
    references, skipped = [], SkippedAudio(run.skipped_file, len(examples), max_share=1)
    for corpus, row in examples:
        audio = load_if_usable(corpus.audio_path(row), row.duration_s)
        if isinstance(audio, UnusableAudio):
            skipped.add([audio])
        else:
            references.append(SpokenReference(corpus.audio_path(row), row.text, language or row.language))
    return references
