"""The model that finds the times of words that have none; it is passed in, because models are in a higher layer.

qal.engine.corpus_readers has one for every Whisper model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class TimedWord:
    """A word that a model recognised in a recording."""

    text: str
    start_s: float  # from the start of the recording
    end_s: float


class TimeRange(NamedTuple):
    """A part of a recording, in seconds."""

    start_s: float
    end_s: float


class Transcriber(Protocol):
    """A model that recognises the words of a recording."""

    @property
    def name(self) -> str:
        """The model, for messages and for the source of examples."""
        ...

    def words(self, recording: Path, language: str, ranges: Sequence[TimeRange] = ()) -> Sequence[TimedWord]:
        """Returns the words of a recording in order, with times from its start.

        Args:
            recording: any audio file.
            language: language code; "": it is detected.
            ranges: the parts of which the words are wanted, in order; (): the whole recording.

        Raises:
            AudioDecodeError: the recording cannot be read.
            LanguageError: the model does not support the language."""
        ...
