"""Exports a corpus in a form that other programs read, and uploads it to the Hugging Face hub."""

from collections.abc import Callable, Mapping
from pathlib import Path

from qal.corpus.exporters.export_folder import ExportFolder, export_folder
from qal.corpus.exporters.hugging_face import write_audio_folder, write_parquet
from qal.corpus.exporters.lhotse_manifests import write_lhotse
from qal.corpus.exporters.nemo import write_nemo
from qal.corpus.exporters.table_folder import write_table_folder
from qal.corpus.manifest import Corpus
from qal.errors import CorpusError

EXPORTS: Mapping[str, Callable[[ExportFolder], None]] = {
    "hf": write_parquet,
    "audiofolder": write_audio_folder,
    "folder": write_table_folder,
    "lhotse": write_lhotse,
    "nemo": write_nemo,
}
PUSHED = ("hf", "audiofolder")
NO_LOGIN = "not logged in to the Hugging Face hub; run `hf auth login`, or set HF_TOKEN, then start again"


def export_corpus(corpus: Corpus, kind: str, out: Path, with_marked: bool = True) -> Path:
    """Writes a corpus into the new folder `out`. The recordings are copied, never encoded again.

    Args:
        corpus: the corpus.
        kind: one of EXPORTS.
        out: the new folder.
        with_marked: False leaves out the rows that have marks.

    Returns:
        the folder.

    Raises:
        CorpusError: `out` is in use, or there are no rows.
        StorageError: it cannot be written."""
    rows = [row for row in corpus.rows if with_marked or not row.marks]
    with export_folder(corpus, out, rows) as folder:
        EXPORTS[kind](folder)
    return out


def require_login() -> str:
    """Returns the name of the hub's account. Raises CorpusError without login or network."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

    try:
        return str(HfApi().whoami(token=True)["name"])
    except LocalTokenNotFoundError as error:
        raise CorpusError(NO_LOGIN) from error
    except HfHubHTTPError as error:
        raise CorpusError(f"the hub refused the login ({error.response.status_code}); run `hf auth login`") from error
    except (ConnectionError, HTTPError, OfflineModeIsEnabled) as error:
        raise CorpusError("no connection to the hub; check the network") from error


def push_to_hub(folder: Path, repository: str, private: bool = True) -> str:
    """Uploads an exported folder as a data set. Returns its address.

    Args:
        folder: an export of one of the kinds PUSHED.
        repository: OWNER/NAME; it is created if it does not exist.
        private: True: only its owner sees a new data set.

    Raises:
        CorpusError: no login, no network, or the hub refuses."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError

    require_login()
    api = HfApi()
    try:
        address = api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(repo_id=repository, repo_type="dataset", folder_path=folder, commit_message="Export of Qal")
    except HFValidationError as error:
        raise CorpusError(f"'{repository}' is not the name of a data set; give it as OWNER/NAME") from error
    except HfHubHTTPError as error:
        raise CorpusError(f"the hub refused {repository}: {' '.join(str(error).split())[:300]}") from error
    except (ConnectionError, HTTPError) as error:
        raise CorpusError(f"{repository}: the connection to the hub broke; the export is in {folder}") from error
    return str(address)
