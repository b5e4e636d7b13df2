"""Checks whether the Hugging Face hub can be reached."""

import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, HTTPError

HUB_TIMEOUT_S = 5


def require_hub(repository: str, revision: str | None, repo_type: str = "model") -> None:
    """Raises ConnectionError if the hub cannot be reached, and HfHubHTTPError if it refuses the repository.

    The download of a pinned revision would repeat its requests for half a minute."""
    try:
        huggingface_hub.HfApi().repo_info(repository, revision=revision, repo_type=repo_type, timeout=HUB_TIMEOUT_S)
    except HfHubHTTPError:
        raise  # the hub has answered
    except HTTPError as error:
        raise ConnectionError(f"no connection to the hub: {error}") from error
