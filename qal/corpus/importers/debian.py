"""Downloads Debian packages and unpacks them into a folder, without root rights and without installing them."""

import os
import shutil
import subprocess
from pathlib import Path

from tqdm import tqdm

from qal.errors import CorpusError, StorageError

ALTERNATIVES = "import your own recordings with `qal corpus import PATH` or `qal corpus import hub`"
APT_TIMEOUT_S = 30  # without data, per connection
UNKNOWN_PACKAGE = "Unable to locate package"


def unpack_packages(names: list[str], temporary: Path) -> Path:
    """Downloads the packages, unpacks them below `temporary`, and returns the root of the unpacked tree.

    Raises CorpusError if apt is missing or cannot download them, StorageError if the disk is full."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise CorpusError(f"this machine has no apt, which is needed to download {names[0]}; {ALTERNATIVES}")
    archives, root = temporary.resolve() / "archives", temporary.resolve() / "root"
    archives.mkdir()
    try:
        for name in tqdm(names, desc="packages", unit="package"):
            _download(name, archives, archives.with_name("apt"))
        for archive in sorted(archives.glob("*.deb")):
            _run(["dpkg", "-x", str(archive), str(root)], archives)
    except subprocess.CalledProcessError as error:
        raise _package_error(error) from error
    return root


def _download(name: str, archives: Path, own_state: Path) -> None:
    """Downloads a package with the machine's package lists or, if they lack it, with lists in `own_state`."""
    try:
        _apt("download", name, archives=archives, own_state=own_state)
    except subprocess.CalledProcessError as error:
        if UNKNOWN_PACKAGE not in error.stderr or own_state.exists():
            raise
        for folder in ("lists/partial", "cache/archives/partial"):
            (own_state / folder).mkdir(parents=True)
        _apt("update", archives=archives, own_state=own_state)
        _apt("download", name, archives=archives, own_state=own_state)


def _apt(*arguments: str, archives: Path, own_state: Path) -> None:
    options = ["-q", "-o", f"Acquire::http::Timeout={APT_TIMEOUT_S}", "-o", "APT::Sandbox::User="]
    if own_state.exists():
        options += ["-o", f"Dir::State::lists={own_state / 'lists'}", "-o", f"Dir::Cache={own_state / 'cache'}"]
    _run(["apt-get", *options, *arguments], archives)


def _run(command: list[str], folder: Path) -> None:
    english = {**os.environ, "LC_ALL": "C"}  # the error messages are parsed
    subprocess.run(command, cwd=folder, env=english, capture_output=True, text=True, check=True)


def _package_error(error: subprocess.CalledProcessError) -> CorpusError | StorageError:
    if "No space left" in error.stderr:
        return StorageError("the packages could not be fetched: no space left on the disk; free some and start again")
    messages = [line for line in error.stderr.splitlines() if line.startswith(("E:", "dpkg"))]
    reason = messages[-1].removeprefix("E: ") if messages else f"exit code {error.returncode}"
    return CorpusError(f"{error.cmd[0]} could not get the packages ({reason}); {ALTERNATIVES}")
