"""qal models list, qal models fetch NAME: the models of the catalogue, and downloading one into the cache.

The gate and the registry of exported models are in qal/cli/models."""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

import huggingface_hub
from huggingface_hub.constants import HF_HUB_CACHE
from huggingface_hub.errors import HTTPError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import disable_progress_bars
from pydantic import BaseModel
from tqdm import tqdm

from qal.cli.command import interrupt_on_sigterm, run_subcommand
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.cli.quiet import quiet_transformers
from qal.engine.catalogue import CATALOGUE_NAMES, CT2_FILES, HUB_MODELS, local_directory, models_folder, resolve
from qal.errors import OptionError
from qal.export.shipped_adapters import install_model, is_installed
from qal.json_text import json_text
from qal.resources import ADAPTERS

POLL_INTERVAL_S = 0.5
HUB_TIMEOUT_S = 5.0  # timeout of the request for the total size


SUBCOMMANDS = {
    "list": (f"{__name__}:list_main", "list the catalogue and where each model is on this machine"),
    "fetch": (f"{__name__}:fetch_main", "download a model of the catalogue"),
    "gate": ("qal.cli.models.gate", "check a model before it serves"),
    "register": ("qal.cli.models.registry:register_main", "check a model and add it to the registry as a candidate"),
    "promote": ("qal.cli.models.registry:promote_main", "make a registered model the serving one"),
    "retire": ("qal.cli.models.registry:retire_main", "retire a registered model"),
    "rollback": ("qal.cli.models.registry:rollback_main", "return to the model that served before"),
    "history": ("qal.cli.models.registry:history_main", "list registered models and who promoted them"),
}


class ListOptions(BaseModel, frozen=True):
    json_: bool = flag(False, JSON_HELP)


class FetchOptions(BaseModel, frozen=True):
    name: str = positional("a name of the catalogue, such as small or large-v3-turbo", "NAME")


def main(arguments: Sequence[str]) -> None:
    run_subcommand("qal models", "Lists, downloads, checks and promotes models.", SUBCOMMANDS, arguments)


def list_main(arguments: Sequence[str]) -> None:
    options = parse_options("qal models list", "Lists the catalogue.", ListOptions, arguments)
    places = {name: local_directory(name) for name in CATALOGUE_NAMES}
    if options.json_:
        print(json_text({name: str(place) if place else None for name, place in places.items()}))
        return
    for name, place in places.items():
        print(f"{name:20}{place or 'not downloaded'}")


def fetch_main(arguments: Sequence[str]) -> None:
    name = parse_options("qal models fetch", "Downloads a model.", FetchOptions, arguments).name
    interrupt_on_sigterm()  # an unfinished download is removed
    if (ADAPTERS / name).is_dir():
        print(install_shipped(name))
        return
    if name not in HUB_MODELS:
        raise OptionError(f"'{name}' cannot be downloaded; give one of {', '.join(HUB_MODELS)}")
    disable_progress_bars()  # our bar counts the bytes on disk, wherever they come from
    with download_progress(name):
        directory = resolve(name)
    print(directory)


def install_shipped(name: str) -> Path:
    """Merges a shipped adapter into its base model and converts it, unless that has been done."""
    if not is_installed(name):
        print(f"Preparing the model {name} in {models_folder()} (once) ...", file=sys.stderr)
        quiet_transformers()
    return install_model(name)


@contextmanager
def download_progress(name: str) -> Iterator[None]:
    """Shows a progress bar of the bytes on disk while the context is open."""
    done = threading.Event()
    with tqdm(total=expected_bytes(name), unit="B", unit_scale=True, desc=name, file=sys.stderr) as bar:
        before = arrived_bytes(name)

        def look() -> None:
            while not done.wait(POLL_INTERVAL_S):
                bar.update(arrived_bytes(name) - before - bar.n)

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        try:
            yield
        finally:
            done.set()
            looking.join()


def expected_bytes(name: str) -> int | None:
    """Bytes of the files to download; None if the hub does not answer."""
    repository = HUB_MODELS[name].ctranslate2
    try:
        info = huggingface_hub.HfApi().model_info(
            repository.name, revision=repository.revision, files_metadata=True, timeout=HUB_TIMEOUT_S
        )
    except (OSError, HTTPError):
        return None
    wanted = [s for s in info.siblings or [] if any(fnmatch(s.rfilename, pattern) for pattern in CT2_FILES)]
    return sum(file.size or 0 for file in wanted) or None


def arrived_bytes(name: str) -> int:
    """Bytes of complete and partial files in the hub's cache and in the models folder."""
    hub = Path(HF_HUB_CACHE, repo_folder_name(repo_id=HUB_MODELS[name].ctranslate2.name, repo_type="model"))
    folders = [hub / "blobs", *models_folder().glob(f".{name}-*")]
    return sum(_size(path) for folder in folders for path in folder.rglob("*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # renamed since it was listed
        return 0
