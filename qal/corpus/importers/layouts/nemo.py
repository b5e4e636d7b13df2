"""NeMo manifests: one JSON object a line with audio_filepath, duration, text and, for a part of a recording, offset.

The name of a manifest may hold its split, as in train_manifest.json."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from qal.corpus.importers.layouts.exported import with_origin
from qal.corpus.importers.layouts.json_lines import JsonLine, first_object, read_json_lines, split_of_file
from qal.corpus.importers.layouts.source_folder import SourceFolder, files_below
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, SourceFormat

ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
AUDIO, TEXT = "audio_filepath", "text"
LANGUAGES = ("lang", "language", "source_lang")
SPEAKERS = ("speaker", "speaker_id")
MAX_MANIFESTS = 10_000


def recognises(path: Path) -> bool:
    return bool(_manifests(path))


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the lines of a manifest, or of all manifests of a folder."""
    source = SourceFolder(path if path.is_dir() else path.parent, options)
    listing = Listing(_entries(source, _manifests(path)), source=f"NeMo manifest {path.resolve().name}")
    return with_origin(listing, source.root)


def _manifests(path: Path) -> Sequence[Path]:
    if path.is_file():
        files = [path]
    else:
        files = [file for file, _ in zip(files_below(path), range(MAX_MANIFESTS), strict=False)]
    return [file for file in files if file.name.endswith(ENDINGS) and AUDIO in first_object(file)]


def _entries(source: SourceFolder, manifests: Sequence[Path]) -> Iterator[Candidate | Problem]:
    for path in manifests:
        split = split_of_file(path, source.root)
        for line in read_json_lines(source, path):
            yield line if isinstance(line, Problem) else _candidate(source, path.parent, line, split)


def _candidate(source: SourceFolder, base: Path, line: JsonLine, split: str) -> Candidate | Problem:
    values = line.values
    try:
        offset = values.get("offset")
        start_s = float(offset or 0)
        end_s = None if offset is None else start_s + float(values["duration"])
    except (KeyError, TypeError, ValueError):
        return Problem(line.place, "its offset or duration is no number of seconds")
    marks = values.get("marks")
    return source.candidate(
        line.place,
        str(values.get(AUDIO) or ""),
        str(values.get(TEXT) or ""),
        base,
        start_s,
        end_s,
        language=next((str(values[name]) for name in LANGUAGES if values.get(name)), ""),
        speaker=next((str(values[name]) for name in SPEAKERS if values.get(name)), ""),
        translation=str(values.get("translation") or ""),
        split_name=str(values.get("split") or split),
        marks=tuple(map(str, marks)) if isinstance(marks, list) else (),
    )


NEMO = SourceFormat(
    "nemo",
    "NeMo manifest",
    "a manifest with audio_filepath, duration, text and offset, a JSON object a line, or a folder of them",
    recognises,
    list_entries,
)
