"""Imports a dataset of the Hugging Face hub in the "audiofolder" layout: audio files and a metadata table."""

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import DatasetCard, DatasetInfo, HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.importers.hugging_face.hub_stream import HubRequest, hub_format
from qal.corpus.importers.import_source import REMOTE_PREVIEW_BYTES, import_source, preview
from qal.corpus.importers.listing import ListingOptions, Problem
from qal.corpus.importers.results import MAX_PROBLEM_SHARE, PREVIEW_ROWS, Preview, ProblemsError
from qal.corpus.importers.staging import OnSkip, check_language_code, ignore_skipped
from qal.corpus.manifest import UNKNOWN, Corpus
from qal.errors import CorpusError
from qal.hub_connection import HUB_TIMEOUT_S, require_hub
from qal.storage import storage_errors

DATASET_CARD_FILE = "README.md"
TABLE_NAMES = ("metadata.csv", "metadata.tsv", "metadata.jsonl")
STREAMED_TABLES = ("metadata.csv", "metadata.jsonl")  # which `datasets` reads with their recordings
DOWNLOAD_PATTERNS = [
    DATASET_CARD_FILE,
    "*.txt",
    *(f"*{name}" for name in TABLE_NAMES),
    *(f"*{suffix}" for suffix in sorted(AUDIO_SUFFIXES)),
]


def import_hub(
    repository: str,
    language: str,
    out: Path,
    *,
    revision: str | None = None,
    no_text: bool = False,
    licence: str | None = None,
    attribution: str = "",
    force: bool = False,
    max_problem_share: float = MAX_PROBLEM_SHARE,
    on_skip: OnSkip = ignore_skipped,
) -> Corpus:
    """Downloads a dataset into the hub's cache and imports it like a folder.

    Args:
        repository: OWNER/NAME on the hub.
        language: code of the spoken language.
        out: folder of the new corpus.
        revision: branch, tag or commit; None: the newest.
        no_text: every audio file becomes a row without text, for distillation.
        licence: terms of use; None: the licence of the dataset card.
        attribution: name to credit; empty: the repository.
        force: replaces an existing corpus.
        max_problem_share: share of the entries, 0 to 1, above which the import stops.
        on_skip: called for each recording that is unreadable or has no transcript.

    Raises:
        CorpusError: no network, no such dataset, no access, another layout, or `out` is in use.
        StorageError: the download or `out` cannot be written.
    """
    language = check_language_code(language)
    snapshot = _download(repository, revision)
    try:
        result = import_source(
            snapshot,
            out,
            ListingOptions(language, no_text=no_text),
            source_name=_source_name(repository, snapshot),
            licence=licence or _card_licence(snapshot),
            attribution=attribution or _attribution(repository),
            force=force,
            max_problem_share=max_problem_share,
        )
    except ProblemsError as error:
        report_problems(error.problems, on_skip)
        raise
    report_problems(result.problems, on_skip)
    return result.corpus


def preview_hub(request: HubRequest, options: ListingOptions, max_problem_share: float = MAX_PROBLEM_SHARE) -> Preview:
    """Previews a dataset that consists of audio files. Its first recordings are downloaded, and no others.

    Raises CorpusError (no such dataset, no access, nothing that can be imported) or StorageError."""
    repository, revision = request.repository, request.revision
    sizes = _file_sizes(repository, revision)
    if any(Path(name).name in STREAMED_TABLES for name in sizes):
        return preview(Path(str(request)), options, hub_format(request), max_problem_share=max_problem_share)
    first = _first_recordings(sizes)
    names = [DATASET_CARD_FILE, *(name for recording in first for name in _with_texts(recording))]
    snapshot = _download(repository, revision, [glob.escape(name) for name in names] if sizes else DOWNLOAD_PATTERNS)
    found = preview(snapshot, options, max_problem_share=max_problem_share)
    count = sum(map(_is_recording, sizes))
    is_part = len(first) < count
    part = f"Only the first {len(first):,} of {count:,} recordings were downloaded." if is_part else ""
    return replace(
        found,
        count_is_complete=found.count_is_complete and not is_part,
        source=_source_name(repository, snapshot),
        licence=_card_licence(snapshot),
        attribution=_attribution(repository),
        notes=" ".join(filter(None, [found.notes, part])),
    )


def _file_sizes(repository: str, revision: str | None) -> dict[str, int]:
    """Returns the size of each file in bytes by its path, {} without a connection."""
    info = _dataset_info(repository, revision, files_metadata=True)
    return {file.rfilename: file.size or 0 for file in info.siblings or ()} if info else {}


def _first_recordings(sizes: dict[str, int]) -> list[str]:
    """Returns the paths of the first recordings, at least one, as far as they are not too large together."""
    first, total = [], 0
    for name in sorted(filter(_is_recording, sizes))[:PREVIEW_ROWS]:
        total += sizes[name]
        if first and total > REMOTE_PREVIEW_BYTES:
            break
        first.append(name)
    return first


def _with_texts(recording: str) -> list[str]:
    """Returns the path of a recording with those that the text beside it may have."""
    return [recording, str(Path(recording).with_suffix(".txt")), f"{recording}.txt"]


def _is_recording(name: str) -> bool:
    return Path(name).suffix.lower() in AUDIO_SUFFIXES


def _source_name(repository: str, snapshot: Path) -> str:
    return f"Hugging Face dataset {repository}, revision {snapshot.name}"


def _attribution(repository: str) -> str:
    return f"{repository} on the Hugging Face hub. Converted to 16 kHz mono."


def holds_audio_files(repository: str, revision: str | None) -> bool:
    """True if a dataset consists of audio files, and not of Parquet files or archives; True without a connection.

    Raises CorpusError if there is no such dataset."""
    info = _dataset_info(repository, revision)
    return info is None or any(_is_recording(file.rfilename) for file in info.siblings or ())


def _dataset_info(repository: str, revision: str | None, **options: Any) -> DatasetInfo | None:
    """Returns what the hub knows of a dataset; None without a connection, because a download may be in the cache.

    Raises CorpusError if there is no such dataset, or no access to it."""
    with storage_errors(f"the dataset {repository}"), _refused(repository):
        try:
            return HfApi().dataset_info(repository, revision=revision, timeout=HUB_TIMEOUT_S, **options)
        except (RepositoryNotFoundError, RevisionNotFoundError):
            raise
        except (HfHubHTTPError, HTTPError, ConnectionError):
            return None


def report_problems(problems: Sequence[Problem], on_skip: OnSkip) -> None:
    """Calls `on_skip` for each problem."""
    for problem in problems:
        on_skip(str(problem))


def _download(repository: str, revision: str | None, patterns: Sequence[str] = DOWNLOAD_PATTERNS) -> Path:
    """Downloads the dataset's files of these patterns and returns their folder, whose name is the commit."""
    try:
        with storage_errors(f"the dataset {repository}"), _refused(repository):
            try:
                require_hub(repository, revision, "dataset")
            except ConnectionError:  # an earlier download may be in the hub's cache
                return _snapshot(repository, revision, DOWNLOAD_PATTERNS, local_files_only=True)
            return _snapshot(repository, revision, patterns)
    except (LocalEntryNotFoundError, HfHubHTTPError) as error:
        raise CorpusError(
            f"{repository}: no connection to the hub; check the network, or use `qal corpus import PATH`"
        ) from error


@contextmanager
def _refused(repository: str) -> Iterator[None]:
    """Translates the hub's refusals of a dataset into CorpusError."""
    try:
        yield
    except HFValidationError as error:
        raise CorpusError(f"'{repository}' is not the name of a dataset; give it as OWNER/NAME") from error
    except GatedRepoError as error:
        raise CorpusError(
            f"{repository}: access is restricted; accept the terms on its page, then run `hf auth login`"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise CorpusError(f"{repository}: the hub has no such dataset or revision; check the name") from error


def _snapshot(repository: str, revision: str | None, patterns: Sequence[str], local_files_only: bool = False) -> Path:
    snapshot = snapshot_download(
        repository,
        repo_type="dataset",
        revision=revision,
        allow_patterns=list(patterns),
        local_files_only=local_files_only,
    )
    return Path(snapshot)


def _card_licence(snapshot: Path) -> str:
    """Reads the licence from the dataset card; UNKNOWN if the card is missing, names none or cannot be read."""
    if not (snapshot / DATASET_CARD_FILE).is_file():
        return UNKNOWN
    try:
        licence = DatasetCard.load(snapshot / DATASET_CARD_FILE).data.get("license")
    except (ValueError, yaml.YAMLError):
        return UNKNOWN
    return ", ".join(licence) if isinstance(licence, list) else str(licence or UNKNOWN)
