"""Transcribes the examples of a corpus for an evaluation and stores each result at once.

A stopped or interrupted evaluation keeps what is done and is continued by the same call."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from qal.audio.sound_check import require_sound
from qal.corpus.left_out import NO_TEXT, audio_reason, count_marked, longer_than
from qal.corpus.manifest import Corpus, Row
from qal.corpus.quality.measures import QUALITY_FILE, AudioMeasures, read_measures
from qal.corpus.split import Split, evenly_spaced
from qal.corpus.words import has_words
from qal.errors import AudioDecodeError, CorpusError, EvaluationError, QalError, StorageError
from qal.evaluation.records import (
    Evaluation,
    ScoredRow,
    evaluation_lock,
    read_evaluation,
    read_rows,
    rows_writer,
    write_evaluation,
)
from qal.evaluation.scoring import read_audio
from qal.evaluation.transcribers import RowTranscriber

MAX_UTTERANCE_S = 29  # leaves a second of Whisper's window for the margin
NO_TRANSCRIPT = "without a transcript of the other system"

ProgressCallback = Callable[[int, int], object]  # (examples done, examples in total)


def no_progress(done: int, total: int) -> None:
    """Ignores progress."""


def never_stop() -> bool:
    return False


@dataclass(frozen=True)
class Selection:
    """The examples of a corpus to score, and how many of the split are left out, by reason."""

    rows: tuple[Row, ...]
    left_out: Mapping[str, int]


def select_rows(corpus: Corpus, split: Split, max_rows: int | None = None, max_s: float = MAX_UTTERANCE_S) -> Selection:
    """Selects the examples to score: not marked, with words, and short enough for the model's window.

    Args:
        corpus: the corpus.
        split: the side to score.
        max_rows: that many, spread evenly; None: all.
        max_s: longer ones are left out.

    Raises:
        CorpusError: there are none."""
    left_out = Counter(count_marked(row for row in corpus.rows if row.split == split))
    rows = []
    for row in corpus.select(split):
        reason = longer_than(max_s) if row.duration_s >= max_s else None if has_words(row.text) else NO_TEXT
        left_out.update([reason] if reason else [])
        rows += [] if reason else [row]
    if not rows:
        raise CorpusError(f"{corpus.folder}: no example with text in the split '{split}'; choose another split")
    return Selection(tuple(evenly_spaced(rows, max_rows)), dict(left_out))


def evaluate(
    folder: Path,
    evaluation: Evaluation,
    corpus: Corpus,
    selection: Selection,
    transcriber: RowTranscriber,
    progress: ProgressCallback = no_progress,
    should_stop: Callable[[], bool] = never_stop,
) -> Evaluation:
    """Transcribes what is not yet transcribed and returns the evaluation as it stands.

    Args:
        folder: of the evaluation; made if it is missing.
        evaluation: its settings; `decoding`, `left_out` and the state are set here.
        corpus: the corpus.
        selection: the examples.
        transcriber: gives the transcripts.
        progress: called after each example.
        should_stop: asked before each example.

    Raises:
        QalError: what stopped it; it stands in the evaluation, too, and what is done is kept.
        BaseException: it was interrupted, by Ctrl-C or by an error of `progress`; the evaluation then is a stopped one.
    """
    with evaluation_lock(folder):
        return _evaluate(folder, evaluation, corpus, selection, transcriber, progress, should_stop)


def _evaluate(
    folder: Path,
    evaluation: Evaluation,
    corpus: Corpus,
    selection: Selection,
    transcriber: RowTranscriber,
    progress: ProgressCallback,
    should_stop: Callable[[], bool],
) -> Evaluation:
    evaluation = evaluation.model_copy(
        update={
            "decoding": dict(transcriber.settings),
            "total": len(selection.rows),
            "left_out": dict(selection.left_out),
            "state": "running",
            "problem": "",
        }
    )
    write_evaluation(folder, evaluation)
    try:
        state, left_out = _transcribe_rows(folder, evaluation, corpus, selection, transcriber, progress, should_stop)
    except QalError as error:
        with suppress(StorageError):  # of a full disk, which is the error that is raised
            write_evaluation(folder, ended(evaluation, state="failed", problem=str(error)))
        raise
    except BaseException:
        with suppress(StorageError):
            write_evaluation(folder, ended(evaluation, state="stopped"))
        raise
    evaluation = ended(evaluation, state=state, left_out=dict(Counter(selection.left_out) + left_out))
    write_evaluation(folder, evaluation)
    return evaluation


def ended(evaluation: Evaluation, **changes: object) -> Evaluation:
    return evaluation.model_copy(update={"ended": time.time(), **changes})


def _transcribe_rows(
    folder: Path,
    evaluation: Evaluation,
    corpus: Corpus,
    selection: Selection,
    transcriber: RowTranscriber,
    progress: ProgressCallback,
    should_stop: Callable[[], bool],
) -> tuple[str, Counter[str]]:
    """Returns the state and the examples that had to be left out on the way, by reason; see `evaluate`."""
    known = {row.audio for row in read_rows(folder)}
    snr = snr_by_hash(corpus)
    left_out: Counter[str] = Counter()
    progress(len(known), len(selection.rows))
    with rows_writer(folder) as writer:
        for number, row in enumerate(selection.rows, start=1):
            if row.audio in known:
                continue
            if should_stop():
                return "stopped", left_out
            try:
                writer.append(_scored(corpus, row, evaluation.language, transcriber, snr.get(row.sha256)))
            except AudioDecodeError as error:
                left_out[audio_reason(error)] += 1
            except EvaluationError:
                left_out[NO_TRANSCRIPT] += 1
            progress(number, len(selection.rows))
    return "finished", left_out


def _scored(
    corpus: Corpus, row: Row, language: str | None, transcriber: RowTranscriber, snr_db: float | None
) -> ScoredRow:
    samples = require_sound(read_audio(corpus.audio_path(row)), row.audio)
    heard = transcriber.transcribe(row, samples, language or row.language)
    return ScoredRow(
        audio=row.audio,
        reference=row.text,
        hypothesis=heard.text,
        language=language or row.language,
        speaker=row.speaker,
        duration_s=row.duration_s,
        snr_db=snr_db,
        source=row.source,
        seconds=heard.seconds,
    )


def snr_by_hash(corpus: Corpus) -> dict[str, float]:
    """Returns the signal-to-noise ratios that the quality check has measured, by the sha256 of the audio."""
    measures = read_measures(corpus.folder / QUALITY_FILE, AudioMeasures)
    return {found.sha256: found.snr_db for found in measures if found.snr_db is not None}


def evaluations_of(folder: Path) -> Sequence[tuple[Path, Evaluation]]:
    """Returns the evaluations of a folder with their own folders, the newest first; damaged ones are left out."""
    found = []
    for child in folder.iterdir() if folder.is_dir() else ():
        try:
            found.append((child, read_evaluation(child)))
        except (EvaluationError, StorageError):
            continue
    return sorted(found, key=lambda pair: -pair[1].started)
