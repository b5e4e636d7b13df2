"""Lhotse: recordings and supervisions, or cuts, as JSONL, also compressed.

    recordings_train.jsonl.gz + supervisions_train.jsonl.gz, or cuts_train.jsonl.gz

The name of a file may end with its split. Supervisions are matched with the recordings of the same name. Sources that
are commands or addresses are problems; so are cuts that are mixed, padded or altered, as no file holds their sound."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from qal.corpus.importers.layouts.exported import with_origin
from qal.corpus.importers.layouts.json_lines import JsonLine, first_object, read_json_lines, split_of_file
from qal.corpus.importers.layouts.key_index import KeyIndex
from qal.corpus.importers.layouts.source_folder import SourceFolder, files_below
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, SourceFormat
from qal.json_text import json_text

ENDINGS = (".jsonl", ".jsonl.gz")
RECORDINGS, SUPERVISIONS, CUTS = "recordings", "supervisions", "cuts"
SINGLE_CUTS = ("MonoCut", "MultiCut")
MAX_MANIFESTS = 10_000
NOT_A_FILE = "its source is of type '{}', which is not read; save the recordings as files"
ALTERED = "its sound is altered on the fly ({}); save it as a file first"
MIXED = "is a {}, whose sound is in no single file; save it as a file first"


def recognises(path: Path) -> bool:
    return any(True for _ in _manifests(path))


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the supervisions of a folder or of one manifest of cuts."""
    source = SourceFolder(path if path.is_dir() else path.parent, options)
    listing = Listing(_entries(source, list(_manifests(path))), source=f"Lhotse manifests of {path.resolve().name}")
    return with_origin(listing, source.root)


def _manifests(path: Path) -> Iterator[Path]:
    """Yields the supervisions with recordings beside them, or if there are none, the cuts."""
    if path.is_file():
        files = [path]
    else:
        files = [file for file, _ in zip(files_below(path), range(MAX_MANIFESTS), strict=False)]
    files = [file for file in files if file.name.endswith(ENDINGS)]
    supervisions = [f for f in files if SUPERVISIONS in f.name and _recordings_of(f) and _kind(f) == SUPERVISIONS]
    yield from supervisions or (file for file in files if _kind(file) == CUTS)


def _kind(path: Path) -> str:
    """Returns the kind of a manifest by its first line; "" for other files."""
    first = first_object(path)
    if {"recording_id", "start", "duration"} <= first.keys():
        return SUPERVISIONS
    return CUTS if {"id", "type"} <= first.keys() and str(first["type"]).endswith("Cut") else ""


def _recordings_of(supervisions: Path) -> Path | None:
    path = supervisions.with_name(supervisions.name.replace(SUPERVISIONS, RECORDINGS))
    return path if path != supervisions and path.is_file() else None


def _entries(source: SourceFolder, manifests: Sequence[Path]) -> Iterator[Candidate | Problem]:
    for path in manifests:
        split = split_of_file(path, source.root)
        recordings = _recordings_of(path) if SUPERVISIONS in path.name else None
        if recordings is None:
            yield from _cuts(source, path, split)
        else:
            yield from _supervisions(source, path, recordings, split)


def _supervisions(source: SourceFolder, path: Path, recordings: Path, split: str) -> Iterator[Candidate | Problem]:
    sources = KeyIndex()
    for line in read_json_lines(source, recordings):
        if isinstance(line, Problem):
            yield line
        else:
            sources.add(str(line.values.get("id")), json_text(line.values))
    for line in read_json_lines(source, path):
        if isinstance(line, Problem):
            yield line
            continue
        recording = sources.get(str(line.values.get("recording_id")))
        if recording is None:
            yield Problem(line.place, f"its recording '{line.values.get('recording_id')}' is not in {recordings.name}")
        else:
            yield _candidate(source, path.parent, line, line.values, json.loads(recording), split)


def _cuts(source: SourceFolder, path: Path, split: str) -> Iterator[Candidate | Problem]:
    for line in read_json_lines(source, path):
        if isinstance(line, Problem):
            yield line
            continue
        kind, supervisions = line.values.get("type"), line.values.get("supervisions")
        recording = line.values.get("recording")
        if kind not in SINGLE_CUTS or not isinstance(recording, dict):
            yield Problem(line.place, MIXED.format(kind))
        elif not isinstance(supervisions, list) or not supervisions:
            yield Problem(line.place, "has no supervision")
        else:
            for supervision in supervisions:
                if isinstance(supervision, dict):
                    yield _candidate(source, path.parent, line, supervision, recording, split, line.values)


def _candidate(
    source: SourceFolder,
    base: Path,
    line: JsonLine,
    supervision: Mapping[str, Any],
    recording: Mapping[str, Any],
    split: str,
    cut: Mapping[str, Any] | None = None,
) -> Candidate | Problem:
    """Makes a candidate of a supervision; its times count from the start of its cut or of its recording."""
    if recording.get("transforms"):
        return Problem(line.place, ALTERED.format("transforms"))
    sources = [item for item in recording.get("sources") or [] if isinstance(item, dict)]
    channels = supervision.get("channel", 0)
    wanted = channels[0] if isinstance(channels, list) and channels else channels
    found = [item for item in sources if wanted in (item.get("channels") or [0])] or sources
    if not found:
        return Problem(line.place, "its recording has no source")
    if found[0].get("type") != "file":
        return Problem(line.place, NOT_A_FILE.format(found[0].get("type")))
    try:
        start_s, end_s = _times(supervision, recording, cut or {})
    except (KeyError, TypeError, ValueError):
        return Problem(line.place, "its times are no numbers")
    custom = supervision.get("custom")
    custom = custom if isinstance(custom, dict) else {}
    return source.candidate(
        line.place,
        str(found[0].get("source", "")),
        str(supervision.get("text") or ""),
        base,
        start_s,
        end_s,
        channel=wanted if isinstance(wanted, int) and sum(len(s.get("channels") or [0]) for s in sources) > 1 else None,
        language=str(supervision.get("language") or ""),
        speaker=str(supervision.get("speaker") or ""),
        translation=str(custom.get("translation") or ""),
        split_name=split,
        marks=tuple(map(str, custom.get("marks") or ())),
    )


def _times(
    supervision: Mapping[str, Any], recording: Mapping[str, Any], cut: Mapping[str, Any]
) -> tuple[float, float | None]:
    """Returns start and end in the recording; the end is None if the supervision covers the whole recording."""
    start_s = max(float(cut.get("start", 0)) + float(supervision["start"]), 0.0)
    end_s = float(cut.get("start", 0)) + float(supervision["start"]) + float(supervision["duration"])
    total_s = float(recording.get("duration") or 0)
    return start_s, None if start_s == 0 and total_s and abs(end_s - total_s) < 1e-3 else end_s


LHOTSE = SourceFormat(
    "lhotse",
    "Lhotse manifests",
    "recordings and supervisions of one name, or cuts, as .jsonl or .jsonl.gz",
    recognises,
    list_entries,
)
