"""Imports a dataset of the Hugging Face hub in the "audiofolder" layout: audio files and a metadata table."""

from collections.abc import Sequence
from pathlib import Path

import yaml
from huggingface_hub import DatasetCard, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.importers.import_source import import_source
from qal.corpus.importers.listing import ListingOptions, Problem
from qal.corpus.importers.results import ProblemsError
from qal.corpus.importers.staging import OnSkip, check_language_code, ignore_skipped
from qal.corpus.manifest import UNKNOWN, Corpus
from qal.errors import CorpusError
from qal.hub_connection import require_hub
from qal.storage import storage_errors

DATASET_CARD_FILE = "README.md"
TABLE_NAMES = ("metadata.csv", "metadata.tsv", "metadata.jsonl")
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
        on_skip: called for each recording that is unreadable or has no transcript.

    Raises:
        CorpusError: no network, no such dataset, no access, another layout, or `out` is in use.
        StorageError: the download or `out` cannot be written.
    """
    check_language_code(language)
    snapshot = _download(repository, revision)
    try:
        result = import_source(
            snapshot,
            out,
            ListingOptions(language, no_text=no_text),
            source_name=f"Hugging Face dataset {repository}, revision {snapshot.name}",
            licence=licence or _card_licence(snapshot),
            attribution=attribution or f"{repository} on the Hugging Face hub. Converted to 16 kHz mono.",
            force=force,
        )
    except ProblemsError as error:
        report_problems(error.problems, on_skip)
        raise
    report_problems(result.problems, on_skip)
    return result.corpus


def report_problems(problems: Sequence[Problem], on_skip: OnSkip) -> None:
    """Calls `on_skip` for each problem."""
    for problem in problems:
        on_skip(str(problem))


def _download(repository: str, revision: str | None) -> Path:
    """Downloads the dataset's files and returns their folder, whose name is the commit."""
    try:
        with storage_errors(f"the dataset {repository}"):
            try:
                require_hub(repository, revision, "dataset")
            except ConnectionError:  # an earlier download may be in the hub's cache
                return _snapshot(repository, revision, local_files_only=True)
            return _snapshot(repository, revision)
    except HFValidationError as error:
        raise CorpusError(f"'{repository}' is not the name of a dataset; give it as OWNER/NAME") from error
    except GatedRepoError as error:
        raise CorpusError(
            f"{repository}: access is restricted; accept the terms on its page, then run `hf auth login`"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise CorpusError(f"{repository}: the hub has no such dataset or revision; check the name") from error
    except (LocalEntryNotFoundError, HfHubHTTPError) as error:
        raise CorpusError(
            f"{repository}: no connection to the hub; check the network, or use `qal corpus import PATH`"
        ) from error


def _snapshot(repository: str, revision: str | None, local_files_only: bool = False) -> Path:
    snapshot = snapshot_download(
        repository,
        repo_type="dataset",
        revision=revision,
        allow_patterns=DOWNLOAD_PATTERNS,
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
