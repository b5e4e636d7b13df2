"""Files of Debian packages, installed or unpacked into a folder; no root, nothing is installed."""

import os
import shutil
import subprocess
from pathlib import Path

from tqdm import tqdm

from qal.errors import CorpusError, StorageError

OTHER_WAYS = "bring speech of your own with `qal corpus import folder` or `qal corpus import hub`"
APT_TIMEOUT_S = 30  # without a byte, a connection
UNKNOWN_PACKAGE = "Unable to locate package"


def unpack_packages(names: list[str], temporary: Path) -> Path:
    """Downloads the packages and unpacks them below `temporary`; -> the root of the unpacked tree.

    Raises CorpusError when apt is missing or cannot get them, StorageError on a full disk."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise CorpusError(f"this machine has no apt, which fetches {names[0]}; {OTHER_WAYS}")
    archives, root = temporary.resolve() / "archives", temporary.resolve() / "root"
    archives.mkdir()
    try:
        for name in tqdm(names, desc="packages", unit="package"):
            _download(name, archives, archives.with_name("apt"))
        for archive in sorted(archives.glob("*.deb")):
            _run(["dpkg", "-x", str(archive), str(root)], archives)
    except subprocess.CalledProcessError as error:
        raise _explained(error) from error
    return root


def _download(name: str, archives: Path, private: Path) -> None:
    """Through the machine's package lists; where they lack the package, through lists of our own."""
    try:
        _apt("download", name, archives=archives, private=private)
    except subprocess.CalledProcessError as error:
        if UNKNOWN_PACKAGE not in error.stderr or private.exists():
            raise
        for folder in ("lists/partial", "cache/archives/partial"):
            (private / folder).mkdir(parents=True)
        _apt("update", archives=archives, private=private)
        _apt("download", name, archives=archives, private=private)


def _apt(*words: str, archives: Path, private: Path) -> None:
    options = ["-q", "-o", f"Acquire::http::Timeout={APT_TIMEOUT_S}", "-o", "APT::Sandbox::User="]
    if private.exists():
        options += ["-o", f"Dir::State::lists={private / 'lists'}", "-o", f"Dir::Cache={private / 'cache'}"]
    _run(["apt-get", *options, *words], archives)


def _run(command: list[str], folder: Path) -> None:
    english = {**os.environ, "LC_ALL": "C"}  # its messages are read
    subprocess.run(command, cwd=folder, env=english, capture_output=True, text=True, check=True)


def _explained(error: subprocess.CalledProcessError) -> CorpusError | StorageError:
    if "No space left" in error.stderr:
        return StorageError("the packages could not be fetched: no space left on the disk; free some and start again")
    said = [line for line in error.stderr.splitlines() if line.startswith(("E:", "dpkg"))]
    reason = said[-1].removeprefix("E: ") if said else f"it ended with {error.returncode}"
    return CorpusError(f"{error.cmd[0]} could not get the packages ({reason}); {OTHER_WAYS}")
