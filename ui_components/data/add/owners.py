"""The user who added a dataset on the page: data/.owners/<name>.json. A dataset from the command line has no owner."""

import time
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from qal.storage import storage_errors

OWNERS_FOLDER = ".owners"  # in the data folder; not in the dataset, which may be given to others


class Owner(BaseModel, frozen=True):
    """The user who added a dataset, and when this user confirmed that the recordings may be used."""

    user: str | None = None
    confirmed_at: float = 0.0  # seconds since 1970; 0: not asked


def read_owner(folder: Path) -> str | None:
    """Returns the user who added the dataset, None if it is not recorded."""
    try:
        return Owner.model_validate_json(_file(folder).read_bytes()).user
    except (OSError, ValidationError):
        return None


def write_owner(folder: Path, user: str | None) -> None:
    """Records the user who adds a dataset and confirms that its recordings may be used."""
    with storage_errors("the owner of the dataset"):
        _file(folder).parent.mkdir(parents=True, exist_ok=True)
        _file(folder).write_text(Owner(user=user, confirmed_at=round(time.time(), 3)).model_dump_json())


def rename_owner(folder: Path, target: Path) -> None:
    with suppress(FileNotFoundError):
        _file(folder).rename(_file(target))


def delete_owner(folder: Path) -> None:
    _file(folder).unlink(missing_ok=True)


def _file(folder: Path) -> Path:
    return folder.parent / OWNERS_FOLDER / f"{folder.name}.json"
