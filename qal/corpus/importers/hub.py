"""A data set of the Hugging Face hub in the "audiofolder" layout: audio files and a metadata table."""

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

from qal.corpus.importers.folder import import_folder
from qal.corpus.importers.staging import OnSkip, check_code, ignore
from qal.corpus.importers.transcripts import AUDIO_SUFFIXES, TABLES
from qal.corpus.manifest import UNKNOWN, Corpus
from qal.errors import CorpusError
from qal.storage import storage_errors

CARD = "README.md"
PATTERNS = [CARD, "*.txt", *(f"*{table}" for table in TABLES), *(f"*{suffix}" for suffix in sorted(AUDIO_SUFFIXES))]


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
    on_skip: OnSkip = ignore,
) -> Corpus:
    """Downloads OWNER/NAME into the hub's cache and imports it like a folder; the licence is the card's.

    Raises CorpusError (no network, no such data set, no access, another layout), StorageError."""
    check_code(language)
    snapshot = _download(repository, revision)
    return import_folder(
        snapshot,
        language,
        out,
        no_text=no_text,
        source=f"Hugging Face data set {repository}, revision {snapshot.name}",
        licence=licence or _card_licence(snapshot),
        attribution=attribution or f"{repository} on the Hugging Face hub. Converted to 16 kHz WAV.",
        force=force,
        on_skip=on_skip,
    )


def _download(repository: str, revision: str | None) -> Path:
    """The data set's files; the folder is named after the commit."""
    try:
        with storage_errors(f"the data set {repository}"):
            return Path(snapshot_download(repository, repo_type="dataset", revision=revision, allow_patterns=PATTERNS))
    except HFValidationError as error:
        raise CorpusError(f"'{repository}' is not the name of a data set; give it as OWNER/NAME") from error
    except GatedRepoError as error:
        raise CorpusError(
            f"{repository}: its owner asks you to agree first; do so on its page, then `hf auth login`"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise CorpusError(f"{repository}: the hub has no such data set or revision; check the name") from error
    except (LocalEntryNotFoundError, HfHubHTTPError) as error:
        raise CorpusError(
            f"{repository}: the hub cannot be reached; check the network, or use `qal corpus import folder`"
        ) from error


def _card_licence(snapshot: Path) -> str:
    """What the data set's card says; cards are written by hand, and many say nothing or cannot be read."""
    if not (snapshot / CARD).is_file():
        return UNKNOWN
    try:
        licence = DatasetCard.load(snapshot / CARD).data.get("license")
    except (ValueError, yaml.YAMLError):
        return UNKNOWN
    return ", ".join(licence) if isinstance(licence, list) else str(licence or UNKNOWN)
