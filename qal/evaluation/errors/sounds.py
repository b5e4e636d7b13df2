"""Transcribes sounds without speech, so that the words that a model invents are counted and can be read.

The result is an evaluation like any other, whose references are empty."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from qal.audio.decode import AUDIO_SUFFIXES, decode_start
from qal.audio.samples import seconds
from qal.audio.sound_check import require_sound
from qal.corpus.left_out import audio_reason
from qal.corpus.manifest import Row
from qal.corpus.split import evenly_spaced
from qal.errors import AudioDecodeError, CorpusError, QalError, StorageError
from qal.evaluation.evaluate import MAX_UTTERANCE_S, ProgressCallback, ended, never_stop, no_progress
from qal.evaluation.records import (
    Evaluation,
    RowsWriter,
    ScoredRow,
    State,
    evaluation_lock,
    read_rows,
    rows_writer,
    write_evaluation,
)
from qal.evaluation.transcribers import RowTranscriber

MAX_SOUNDS = 200
DEFAULT_LANGUAGE = "en"


def find_sounds(folder: Path, max_sounds: int | None = MAX_SOUNDS) -> list[Path]:
    """Returns audio files of a folder and its subfolders, spread evenly. Raises CorpusError if there are none."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())
    if not files:
        raise CorpusError(f"{folder}: no audio files; give a folder with sounds without speech")
    return evenly_spaced(files, max_sounds)


def evaluate_sounds(
    folder: Path,
    evaluation: Evaluation,
    sounds: Path,
    transcriber: RowTranscriber,
    max_sounds: int | None = MAX_SOUNDS,
    progress: ProgressCallback = no_progress,
    should_stop: Callable[[], bool] = never_stop,
) -> Evaluation:
    """Transcribes the beginning of each sound and returns the evaluation as it stands; the same call continues it.

    Args:
        folder: of the evaluation; made if it is missing.
        evaluation: its settings.
        sounds: a folder of audio files without speech; of a longer one, the first 29 s are used.
        transcriber: gives the transcripts.
        max_sounds: that many, spread evenly; None: all.
        progress: called after each sound.
        should_stop: asked before each sound.

    Raises:
        QalError: the reason why it stopped; it stands in the evaluation, too, and what is done is kept.
        BaseException: it was interrupted; the evaluation then is a stopped one.
    """
    files = find_sounds(sounds, max_sounds)
    settings = {"decoding": dict(transcriber.settings), "total": len(files), "state": "running", "problem": ""}
    evaluation = evaluation.model_copy(update=settings)
    with evaluation_lock(folder):
        write_evaluation(folder, evaluation)
        try:
            state, left_out = _transcribe_all(folder, evaluation, sounds, files, transcriber, progress, should_stop)
        except BaseException as error:
            problem = str(error) if isinstance(error, QalError) else ""
            with suppress(StorageError):  # of a full disk, which is the error that is raised
                write_evaluation(folder, ended(evaluation, state="failed" if problem else "stopped", problem=problem))
            raise
        evaluation = ended(evaluation, state=state, left_out=left_out)
        write_evaluation(folder, evaluation)
    return evaluation


def _transcribe_all(
    folder: Path,
    evaluation: Evaluation,
    sounds: Path,
    files: Sequence[Path],
    transcriber: RowTranscriber,
    progress: ProgressCallback,
    should_stop: Callable[[], bool],
) -> tuple[State, dict[str, int]]:
    """Appends a row for each sound without one. Returns the state, and the numbers of sounds left out by reason."""
    known = {row.audio for row in read_rows(folder)}
    left_out: Counter[str] = Counter()
    with rows_writer(folder) as writer:
        for number, path in enumerate(files, start=1):
            if should_stop():
                return "stopped", dict(left_out)
            if str(path.relative_to(sounds)) not in known:
                left_out.update(_transcribe(writer, path, sounds, evaluation, transcriber))
            progress(number, len(files))
    return "finished", dict(left_out)


def _transcribe(
    writer: RowsWriter, path: Path, sounds: Path, evaluation: Evaluation, transcriber: RowTranscriber
) -> list[str]:
    """Appends the row of one sound; returns the reason if it is left out."""
    language = evaluation.language or DEFAULT_LANGUAGE
    try:
        writer.append(_scored(path, str(path.relative_to(sounds)), language, transcriber))
    except AudioDecodeError as error:
        return [audio_reason(error)]
    return []


def _scored(path: Path, name: str, language: str, transcriber: RowTranscriber) -> ScoredRow:
    samples = require_sound(decode_start(path, MAX_UTTERANCE_S), name)
    row = Row(audio=name, text="", language=language, duration_s=seconds(samples), split="test", sha256="")
    found = transcriber.transcribe(row, samples, language)
    return ScoredRow(
        audio=name,
        reference="",
        hypothesis=found.text,
        language=language,
        duration_s=row.duration_s,
        source=path.parent.name,
        seconds=found.seconds,
    )
