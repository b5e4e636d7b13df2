"""Transcripts of another system, from a file, as the transcriber of an evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qal.audio.samples import Samples
from qal.corpus.manifest import Row
from qal.errors import EvaluationError
from qal.evaluation.systems.names import RowNames
from qal.evaluation.systems.transcript_files import Piece, read_transcripts
from qal.evaluation.transcribers import Heard, Settings

SHOWN_NOTES = 3


@dataclass(frozen=True)
class Matched:
    """The transcripts of a file by the audio path of the example, and what did not match."""

    texts: Mapping[str, str]
    unknown: tuple[str, ...]  # names in the file that are no example of the dataset
    repeated: tuple[str, ...]  # examples with more than one transcript, of which the first is used
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Says what did not match, without a full stop; empty if everything did."""
        parts = []
        if self.unknown:
            parts.append(f"{len(self.unknown):,} names of the file are not in the dataset, such as '{self.unknown[0]}'")
        if self.repeated:
            parts.append(
                f"{len(self.repeated):,} examples have several transcripts, of which the first is used, "
                f"such as '{self.repeated[0]}'"
            )
        if self.notes:
            parts.append(f"{len(self.notes):,} lines were not read: {'; '.join(self.notes[:SHOWN_NOTES])}")
        return "; ".join(parts)


def match(pieces: Sequence[Piece], rows: Sequence[Row], notes: Sequence[str] = ()) -> Matched:
    """Finds the examples that pieces of text belong to.

    A piece without times is the transcript of an example. Pieces with times are joined, where their name is that of an
    example, or divided among the examples that were cut out of their recording: each belongs where its middle is."""
    names = RowNames(rows)
    whole: dict[str, str] = {}
    timed: dict[str, list[Piece]] = {}
    recordings: set[str] = set()  # names whose examples without a piece have an empty transcript
    unknown: dict[str, None] = {}
    repeated: dict[str, None] = {}
    for piece in pieces:
        audio = names.find(piece.name)
        if audio and piece.start_s is None and audio in whole:
            repeated[audio] = None
        elif audio and piece.start_s is None:
            whole[audio] = piece.text
        elif audio:
            timed.setdefault(audio, []).append(piece)
        elif (middle_s := middle(piece)) is not None and (recording := names.recording(piece.name)):
            if piece.name not in recordings:
                recordings.add(piece.name)
                for silent in recording.audios:
                    timed.setdefault(silent, [])
            for found in recording.audios_at(middle_s):
                timed[found].append(piece)
        else:
            unknown[piece.name] = None
    joined = {audio: _joined(parts) for audio, parts in timed.items()}
    return Matched({**joined, **whole}, tuple(unknown), tuple(repeated), tuple(notes))


def middle(piece: Piece) -> float | None:
    """Returns the middle of a piece in seconds; None if it has no times."""
    if piece.start_s is None or piece.end_s is None:
        return None
    return (piece.start_s + piece.end_s) / 2


def _joined(pieces: Sequence[Piece]) -> str:
    ordered = sorted(pieces, key=lambda piece: piece.start_s or 0.0)
    return " ".join(piece.text for piece in ordered if piece.text)


class FileTranscriber:
    """Transcripts that were made elsewhere."""

    def __init__(self, path: Path, rows: Sequence[Row]):
        """Reads the file.

        Args:
            path: the file.
            rows: all examples of the dataset.

        Raises:
            EvaluationError: it cannot be read, or none of its names is that of an example."""
        self._path = path
        found = read_transcripts(path)
        self.matched = match(found.pieces, rows, found.notes)
        if not self.matched.texts:
            raise EvaluationError(
                f"{path}: names none of the examples of the dataset; it names '{found.pieces[0].name}', the dataset "
                f"'{rows[0].audio}'. Write the audio's path, or its file name, beside each transcript"
            )

    @property
    def settings(self) -> Settings:
        return {"transcripts": self._path.name}

    @property
    def note(self) -> str:
        return self.matched.sentence

    def transcribe(self, row: Row, samples: Samples, language: str) -> Heard:
        text = self.matched.texts.get(row.audio)
        if text is None:
            raise EvaluationError(f"{self._path}: has no transcript of '{row.audio}'")
        return Heard(text, None)
