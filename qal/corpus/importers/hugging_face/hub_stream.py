"""Any data set of the Hugging Face hub, streamed: a slice such as train[:500] downloads little more than its rows.

The revision is pinned: the commit that the hub names at the start is the one that is read, and stands in corpus.json.
The recordings are handed on as bytes, undecoded."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from qal.corpus.importers.hugging_face.column_names import recognised_columns
from qal.corpus.importers.hugging_face.table_rows import MAX_AUDIO_BYTES, AudioColumn, TableRow, row_entry
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, Role, SourceFormat
from qal.corpus.manifest import UNKNOWN
from qal.errors import CorpusError
from qal.hub_connection import require_hub

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
SLICE = re.compile(r"(?P<name>[^\[\]+]+)(?:\[(?P<start>\d*):(?P<stop>\d*)\])?")
MAX_REASON = 300  # characters of a reason that `datasets` gives
CONVERTED = "refs/convert/parquet"
NO_CONNECTION = "no connection to the hub; check the network, or import a copy of the data set from a folder"


@dataclass(frozen=True)
class HubRequest:
    """A data set of the hub, or a part of it."""

    repository: str  # OWNER/NAME
    config: str | None = None  # of a data set with several, such as am_et
    split: str | None = None  # such as train or train[:500]; None: all splits
    revision: str | None = None  # branch, tag or commit; None: the newest

    def __str__(self) -> str:
        return " ".join(filter(None, [self.repository, self.config, self.split]))


@dataclass(frozen=True)
class SplitSlice:
    """A split, or a range of its rows."""

    name: str
    start: int = 0
    stop: int | None = None

    @classmethod
    def parse(cls, text: str) -> "SplitSlice":
        """Reads a split such as train or train[100:500]. Raises CorpusError."""
        found = SLICE.fullmatch(text.strip())
        if found is None:
            raise CorpusError(f"'{text}' is no split; write its name, or a range of its rows such as train[:500]")
        start, stop = int(found["start"] or 0), int(found["stop"]) if found["stop"] else None
        if stop is not None and stop <= start:
            raise CorpusError(f"'{text}' has no rows; the first number must be below the second")
        return cls(found["name"], start, stop)


def hub_format(request: HubRequest) -> SourceFormat:
    """Returns the format that lists this data set; the path that it is given is not looked at."""
    return SourceFormat(
        "hub",
        "Hugging Face hub",
        "a data set of the Hugging Face hub with an audio column",
        lambda _path: False,
        lambda _path, options: list_hub(request, options),
        is_remote=True,
    )


def list_hub(request: HubRequest, options: ListingOptions) -> Listing:
    """Lists the rows of a data set of the hub.

    Raises CorpusError: no network, no such data set, split, configuration or access, or no audio or text in it."""
    if not REPOSITORY.fullmatch(request.repository):
        raise CorpusError(f"'{request.repository}' is not the name of a data set; give it as OWNER/NAME")
    with _hub_errors(request):
        commit, licence = _commit(request)
    source = f"Hugging Face dataset {request}, revision {commit}"
    return list_stream(request.repository, request, commit, options, source, licence)


def list_stream(
    path: str,
    request: HubRequest,
    commit: str | None,
    options: ListingOptions,
    source: str = "",
    licence: str = UNKNOWN,
) -> Listing:
    """Lists what `datasets` streams from a repository of the hub, or from a local folder as if it were one."""
    from datasets import Audio

    wanted = SplitSlice.parse(request.split) if request.split else None
    with _hub_errors(request):
        streams = _streams(path, request.config, wanted, commit)
    first = next(iter(streams.values()))
    if first.features is None:
        raise CorpusError(f"{request}: the types of its columns are not known; import its Parquet files from a folder")
    audio = next((name for name, kind in first.features.items() if isinstance(kind, Audio)), None)
    if audio is None:
        raise CorpusError(f"{request}: has no audio column; its columns are {', '.join(first.features)}")
    columns = tuple(first.features)
    roles = recognised_columns(columns, audio, options.columns, options.no_text)
    return Listing(
        _entries(request, streams, wanted, roles, options.no_text, path),
        columns,
        roles,
        licence=licence,
        attribution=f"{request.repository} on the Hugging Face hub",
        source=source,
        stated_count=_stated_count(streams, wanted),
    )


def _stated_count(streams: Mapping[str, Any], wanted: SplitSlice | None) -> int | None:
    """Returns the number of rows that the data set's card states for the wanted part, None if it does not."""
    part, total = wanted or SplitSlice(""), 0
    for split, stream in streams.items():
        known = (stream.info.splits or {}).get(split)
        if known is None or not known.num_examples:
            return None
        stop = known.num_examples if part.stop is None else min(part.stop, known.num_examples)
        total += max(0, stop - part.start)
    return total


def _commit(request: HubRequest) -> tuple[str, str]:
    """Returns the commit and the licence that the hub names."""
    from huggingface_hub import HfApi

    require_hub(request.repository, request.revision, "dataset")
    info = HfApi().dataset_info(request.repository, revision=request.revision)
    licence = info.card_data.get("license") if info.card_data else None
    text = ", ".join(map(str, licence)) if isinstance(licence, list) else str(licence or UNKNOWN)
    return str(info.sha), text


def _streams(path: str, config: str | None, wanted: SplitSlice | None, commit: str | None) -> Mapping[str, Any]:
    """Returns the stream of each wanted split, whose recordings are not decoded."""
    from datasets import Audio, IterableDatasetDict, load_dataset

    from qal.corpus.importers.hugging_face.stored_audio import StoredAudio

    loaded = load_dataset(path, config, split=wanted.name if wanted else None, revision=commit, streaming=True)
    if not isinstance(loaded, IterableDatasetDict):
        loaded = {wanted.name if wanted else "": loaded}
    streams = {}
    for split, stream in loaded.items():
        for name, kind in (stream.features or {}).items():
            if isinstance(kind, Audio):
                stream = stream.cast_column(name, StoredAudio(decode=False))
        streams[str(split)] = stream
    return streams


def _entries(
    request: HubRequest,
    streams: Mapping[str, Any],
    wanted: SplitSlice | None,
    roles: Mapping[Role, str],
    no_text: bool,
    path: str,
) -> Iterator[Candidate | Problem]:
    part = wanted or SplitSlice("")
    for split, stream in streams.items():
        column = AudioColumn(roles, stream.features.to_dict())
        rows = stream.skip(part.start) if part.start else stream
        length = None if part.stop is None else part.stop - part.start
        with _hub_errors(request):
            for number, values in enumerate(islice(rows, length), start=part.start + 1):
                place = f"{request.repository}, {split}, row {number}"
                row = TableRow(place, f"{split}-{number:06d}", _with_bytes(values, roles["file"], path), split)
                yield row_entry(row, column, no_text)


def _with_bytes(values: Mapping[str, Any], audio: str, repository: str) -> Mapping[str, Any]:
    """Reads a recording that the row only names, if it is a file of the same data set and nothing else."""
    import fsspec

    value = values.get(audio)
    path = value.get("path") if isinstance(value, dict) and value.get("bytes") is None else None
    if not isinstance(path, str) or not _is_of_repository(path, repository):
        return values
    with fsspec.open(path, "rb") as file:
        data = file.read(MAX_AUDIO_BYTES + 1)  # pyright: ignore[reportAttributeAccessIssue]
    return {**values, audio: {"bytes": data, "path": path}}


def _is_of_repository(path: str, repository: str) -> bool:
    """True for a file of a repository of the hub, also in an archive, or of the local folder that stands for one."""
    if "://" in path:
        return path.rpartition("::")[2].startswith((f"hf://datasets/{repository}@", f"hf://datasets/{repository}/"))
    folder = os.path.realpath(repository)
    return os.path.isdir(folder) and os.path.realpath(path).startswith(folder + os.sep)


@contextmanager
def _hub_errors(request: HubRequest) -> Iterator[None]:
    """Translates the errors of the hub and of `datasets` into CorpusError."""
    from datasets.exceptions import DatasetGenerationError, DatasetNotFoundError

    name = request.repository
    try:
        yield
    except HFValidationError as error:
        raise CorpusError(f"'{name}' is not the name of a data set; give it as OWNER/NAME") from error
    except GatedRepoError as error:
        raise CorpusError(
            f"{name}: access is restricted; accept the terms on its page, then run `hf auth login`"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError, DatasetNotFoundError) as error:
        raise CorpusError(f"{name}: the hub has no such data set or revision; check the name") from error
    except (ConnectionError, OfflineModeIsEnabled, LocalEntryNotFoundError, HfHubHTTPError) as error:
        raise CorpusError(f"{name}: {NO_CONNECTION}") from error
    except RuntimeError as error:
        if "script" not in str(error):
            raise
        raise CorpusError(
            f"{name}: it needs a script of its own, which is never run; try --revision {CONVERTED}"
        ) from error
    except (ValueError, FileNotFoundError, DatasetGenerationError) as error:
        raise CorpusError(f"{request}: {' '.join(str(error).split())[:MAX_REASON]}") from error
