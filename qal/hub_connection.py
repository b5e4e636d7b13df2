"""Checks whether the Hugging Face hub can be reached, and uploads folders to it."""

from pathlib import Path
from typing import Literal

import huggingface_hub
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
)

from qal.errors import HubError

HUB_TIMEOUT_S = 5
NO_LOGIN = "not logged in to the Hugging Face hub; run `hf auth login`, or set HF_TOKEN, then start again"


def require_hub(repository: str, revision: str | None, repo_type: str = "model") -> None:
    """Raises ConnectionError if the hub cannot be reached, and HfHubHTTPError if it refuses the repository.

    The download of a pinned revision would repeat its requests for half a minute."""
    try:
        huggingface_hub.HfApi().repo_info(repository, revision=revision, repo_type=repo_type, timeout=HUB_TIMEOUT_S)
    except HfHubHTTPError:
        raise  # the hub has answered
    except HTTPError as error:
        raise ConnectionError(f"no connection to the hub: {error}") from error


def require_login() -> str:
    """Returns the name of the hub's account. Raises HubError without login or network."""
    try:
        return str(huggingface_hub.HfApi().whoami(token=True)["name"])
    except LocalTokenNotFoundError as error:
        raise HubError(NO_LOGIN) from error
    except HfHubHTTPError as error:
        raise HubError(f"the hub refused the login ({error.response.status_code}); run `hf auth login`") from error
    except (ConnectionError, HTTPError, OfflineModeIsEnabled) as error:
        raise HubError("no connection to the hub; check the network") from error


def push_folder(folder: Path, repository: str, kind: Literal["model", "dataset"], private: bool = True) -> str:
    """Uploads an exported folder. Returns its address.

    Args:
        folder: the export.
        repository: OWNER/NAME; it is created if it does not exist.
        kind: what the hub takes it for.
        private: True: only its owner sees a new repository.

    Raises:
        HubError: no login, no network, or the hub refuses."""
    require_login()
    api = huggingface_hub.HfApi()
    try:
        address = api.create_repo(repository, repo_type=kind, private=private, exist_ok=True)
        api.upload_folder(repo_id=repository, repo_type=kind, folder_path=folder, commit_message="Export of Qal")
    except HFValidationError as error:
        raise HubError(f"'{repository}' is not the name of a {kind}; give it as OWNER/NAME") from error
    except HfHubHTTPError as error:
        raise HubError(f"the hub refused {repository}: {' '.join(str(error).split())[:300]}") from error
    except (ConnectionError, HTTPError) as error:
        raise HubError(f"{repository}: the connection to the hub broke; the export is in {folder}") from error
    return str(address)
