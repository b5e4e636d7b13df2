"""Finds the text or JSON file of a recording: of the same name beside it, or in a folder of texts."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from qal.corpus.importers.file_names import name_key

TEXT_SUFFIXES = (".txt", ".lab", ".json")  # the first one that is there is read
TEXT_FOLDERS = {  # names of folders that hold the texts of the recordings in a folder beside them
    *("txt", "text", "texts", "transcript", "transcripts", "transcription", "transcriptions", "lab", "labs", "labels"),
}


class TextFiles:
    """The text files of a source.

    Args:
        root: folder of the source."""

    def __init__(self, root: Path):
        self._root = root
        self._names = lru_cache(maxsize=256)(_text_names)
        self._folders = lru_cache(maxsize=4096)(_text_folders)

    def find(self, recording: Path) -> Path | None:
        """Returns name.txt, name.wav.txt or name.json beside a recording, else that in a folder of texts.

        Such a folder has the same structure as that of the recordings."""
        for folder in self._places(recording):
            exact, by_key = self._names(folder)
            wanted = [f"{stem}{suffix}" for suffix in TEXT_SUFFIXES for stem in (recording.stem, recording.name)]
            if name := next((name for name in wanted if name in exact), ""):
                return folder / name
            if name := next((by_key[key] for key in map(name_key, wanted) if key in by_key), ""):
                return folder / name
        return None

    def _places(self, recording: Path) -> Iterator[Path]:
        yield recording.parent
        if not recording.is_relative_to(self._root):
            return
        folders = recording.parent.relative_to(self._root).parts
        for i in range(len(folders) + 1):
            for name in self._folders(self._root.joinpath(*folders[:i])):
                yield self._root.joinpath(*folders[:i], name, *folders[i:])  # 1.wav and text/1.txt
                if i < len(folders):
                    yield self._root.joinpath(*folders[:i], name, *folders[i + 1 :])  # wav/1.wav and txt/1.txt


def _text_names(folder: Path) -> tuple[Collection[str], Mapping[str, str]]:
    """Returns the names of the text files of a folder, and those that no other one resembles by their keys."""
    if not folder.is_dir():
        return (), {}
    names = {path.name for path in folder.iterdir() if path.suffix.lower() in TEXT_SUFFIXES and path.is_file()}
    counts = Counter(map(name_key, names))
    return names, {key: name for name in names if counts[key := name_key(name)] == 1}


def _text_folders(folder: Path) -> tuple[str, ...]:
    """Returns the names of the folders of texts in a folder."""
    inner = (path for path in folder.iterdir() if path.name.casefold() in TEXT_FOLDERS)
    return tuple(sorted(path.name for path in inner if path.is_dir()))
