"""Kaldi data directories: wav.scp, text, utt2spk or spk2utt, and with `segments` parts of longer recordings.

    wav.scp:  RECORDING path         segments:  UTTERANCE RECORDING start end       text:  UTTERANCE words …

An entry of wav.scp that is a command (it ends with |) is a problem: it is never run. Subfolders such as train and test
are listed with their names as the split."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from qal.corpus.importers.given_splits import folder_split
from qal.corpus.importers.layouts.key_index import KeyIndex
from qal.corpus.importers.layouts.lines import Line, read_lines
from qal.corpus.importers.layouts.source_folder import SourceFolder, content_folder
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, SourceFormat

RECORDINGS, SEGMENTS, TEXT, SPEAKERS = "wav.scp", "segments", "text", "utt2spk"
UTTERANCES_OF_SPEAKERS, LANGUAGES = "spk2utt", "utt2lang"
COMMAND = "is a command, which is never run; convert its recordings to files, and name them in wav.scp"
ARCHIVE = "points into an archive of Kaldi, which is not read; name audio files in wav.scp"
TWICE = "'{}' is listed before; only its first line is used"
MAX_DEPTH = 2


def recognises(path: Path) -> bool:
    return bool(data_folders(path))


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the utterances of all data directories."""
    source = SourceFolder(path, options)
    entries = (entry for folder in data_folders(path) for entry in list_data_folder(source, folder))
    return Listing(entries, source=f"Kaldi data directory {path.resolve().name}")


def data_folders(path: Path) -> Sequence[Path]:
    """Returns the folders with a wav.scp: the folder itself, or those below it."""
    folders = [content_folder(path)]
    for _ in range(MAX_DEPTH + 1):
        if found := [folder for folder in folders if (folder / RECORDINGS).is_file()]:
            return found
        folders = sorted(child for folder in folders if folder.is_dir() for child in folder.iterdir() if child.is_dir())
    return []


def list_data_folder(source: SourceFolder, folder: Path, language: str = "") -> Iterator[Candidate | Problem]:
    """Yields the utterances of one data directory; the paths of its wav.scp start there or in the imported folder."""
    reader = _DataFolder(source, folder, language)
    yield from reader.read_keys()
    yield from reader.utterances()


class _DataFolder:
    """The files of a data directory, joined by the keys of their lines."""

    def __init__(self, source: SourceFolder, folder: Path, language: str):
        self._source, self._folder, self._language = source, folder, language
        self._recordings, self._texts, self._speakers, self._languages = KeyIndex(), KeyIndex(), KeyIndex(), KeyIndex()
        self._split = folder_split(folder.relative_to(source.root) / "x") or folder_split(Path(folder.name, "x"))

    def read_keys(self) -> Iterator[Problem]:
        """Reads all but the list of the utterances, and yields its problems."""
        yield from self._read(TEXT, self._texts)
        yield from self._read(SPEAKERS, self._speakers)
        yield from self._read(LANGUAGES, self._languages)
        for line in self._lines(UTTERANCES_OF_SPEAKERS):
            if not isinstance(line, Problem):
                speaker, *utterances = line.text.split()
                for utterance in utterances:
                    self._speakers.add(utterance, speaker)
        if self._has(SEGMENTS):
            yield from self._read(RECORDINGS, self._recordings)

    def utterances(self) -> Iterator[Candidate | Problem]:
        listed = KeyIndex()
        for line in self._lines(SEGMENTS if self._has(SEGMENTS) else RECORDINGS):
            if isinstance(line, Problem):
                yield line
                continue
            utterance, value = _key_and_value(line)
            if not listed.add(utterance):
                yield Problem(line.place, TWICE.format(utterance))
            else:
                yield (
                    self._segment(line, utterance, value)
                    if self._has(SEGMENTS)
                    else self._whole(line, utterance, value)
                )
        yield from self._left_over(listed)

    def _left_over(self, listed: KeyIndex) -> Iterator[Problem]:
        for utterance in self._texts:
            if utterance not in listed:
                yield Problem(self._source.place(self._folder / TEXT), f"'{utterance}' has a text but no recording")

    def _segment(self, line: Line, utterance: str, value: str) -> Candidate | Problem:
        fields = value.split()
        try:
            recording, start_s, end_s = fields[0], float(fields[1]), float(fields[2])
        except (IndexError, ValueError):
            return Problem(line.place, "needs an utterance, a recording, a start and an end in seconds")
        path = self._recordings.get(recording)
        if path is None:
            return Problem(line.place, f"its recording '{recording}' is not in {RECORDINGS}")
        return self._whole(line, utterance, path, start_s, None if end_s == -1 else end_s)

    def _whole(
        self, line: Line, utterance: str, path: str, start_s: float = 0.0, end_s: float | None = None
    ) -> Candidate | Problem:
        if path.rstrip().endswith("|") or path.startswith("|"):
            return Problem(line.place, f"'{utterance}' {COMMAND}")
        name, _, offset = path.strip().rpartition(":")
        if (name and offset.isdigit()) or path.strip() == "-":
            return Problem(line.place, f"'{utterance}' {ARCHIVE}")
        if math.isnan(start_s) or (end_s is not None and math.isnan(end_s)):
            return Problem(line.place, "its times are no numbers")
        return self._source.candidate(
            line.place,
            path,
            self._texts.get(utterance) or "",
            self._folder,
            start_s,
            end_s,
            speaker=self._speakers.get(utterance) or "",
            language=self._languages.get(utterance) or self._language,
            split_name=self._split,
        )

    def _read(self, name: str, index: KeyIndex) -> Iterator[Problem]:
        for line in self._lines(name):
            if isinstance(line, Problem):
                yield line
                continue
            key, value = _key_and_value(line)
            if not index.add(key, value):
                yield Problem(line.place, TWICE.format(key))

    def _lines(self, name: str) -> Iterator[Line | Problem]:
        return read_lines(self._source, self._folder / name) if self._has(name) else iter(())

    def _has(self, name: str) -> bool:
        return (self._folder / name).is_file()


def _key_and_value(line: Line) -> tuple[str, str]:
    key, *rest = line.text.strip().split(maxsplit=1)
    return key, rest[0] if rest else ""


KALDI = SourceFormat(
    "kaldi",
    "Kaldi data directory",
    "a folder with wav.scp, text and utt2spk, with or without segments, or folders of them",
    recognises,
    list_entries,
)
