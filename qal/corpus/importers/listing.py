"""The entries of a source before any audio is decoded: candidates for examples, and problems with their places.

    source ─► format that recognises it ─► Listing ─┬─► preview: the first rows, counts, problems; nothing is written
                                                    └─► import: each candidate is decoded, cut and written

A format only lists. Decoding, cutting, mixing, checks of the audio, names of files, splits and the corpus on disk are
the same for all formats (`qal.corpus.importers.import_source`)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from qal.corpus.importers.alignment import Transcriber
from qal.corpus.manifest import UNKNOWN

Role = Literal["file", "text", "speaker", "language", "translation", "split", "start", "end", "duration"]


@dataclass(frozen=True, slots=True)
class AudioPiece:
    """A recording, or a part of it."""

    path: Path
    start_s: float = 0.0
    end_s: float | None = None  # None: the end of the recording
    channel: int | None = None  # None: the channels are mixed


@dataclass(frozen=True, slots=True)
class AudioBytes:
    """A recording that is stored in a table, as in Parquet files of the hub."""

    name: str  # for messages and for the file of the example
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One example of the source, before it is decoded."""

    audio: AudioPiece | AudioBytes
    text: str = ""  # empty if there is no transcript
    language: str = ""  # language code; empty: the one that the user states
    speaker: str = ""
    translation: str = ""  # into English
    split_name: str = ""  # as the source spells it; empty if it names none
    place: str = ""  # where the source lists it, such as "clips.csv, line 5"; empty: the file itself
    marks: tuple[str, ...] = ()  # reasons for which the row is kept but left out of training and of scores
    notes: tuple[str, ...] = ()  # what should be known about the example, such as a quotation mark that is not closed


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of the source that cannot become an example, and why."""

    place: str  # such as "clips.csv, line 5" or "clips/a.wav"
    reason: str  # what is wrong and what to do; no full stop
    is_fault: bool = True  # False: left out as it should be, such as a cue that describes a sound; no bad row

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True)
class Listing:
    """The entries that a format found in a source, and what they have in common.

    `entries` may be read once only, and a problem does not end it. Sources larger than memory are listed lazily."""

    entries: Iterable[Candidate | Problem]
    columns: tuple[str, ...] = ()  # of its table, as it spells them; () without a table
    roles: Mapping[Role, str] = field(default_factory=dict)  # the column that is used for each role
    licence: str = UNKNOWN
    attribution: str = ""
    source: str = ""  # for corpus.json; empty: the name of the folder or file
    notes: str = ""
    speakers_are_people: bool = True  # False if the speakers are chapters or characters


@dataclass(frozen=True)
class ListingOptions:
    """Facts that the user states about a source."""

    language: str = ""  # language code; empty if the source names it
    columns: Mapping[Role, str] = field(default_factory=dict)  # chosen by the user; they win over recognised names
    no_text: bool = False  # audio alone, for distillation
    audio_folders: tuple[Path, ...] = ()  # further folders in which the recordings may be
    transcriber: Transcriber | None = None  # finds the times of transcripts and in long cues; None: they are refused


@dataclass(frozen=True)
class SourceFormat:
    """A layout of recordings and transcripts that can be imported."""

    name: str  # for --format, such as "common-voice"
    title: str  # for people, such as "Common Voice"
    description: str  # one sentence: what the folder or file looks like
    recognises: Callable[[Path], bool]  # of a folder or file, without reading much of it
    list: Callable[[Path, ListingOptions], Listing]  # raises CorpusError if nothing in it can be read
    is_remote: bool = False  # True: the source is not on this computer, and its path is only its name
