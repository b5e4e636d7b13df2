"""Environment of a run, so that it can be reproduced: runs/<id>/environment.jsonl, one line for each attempt."""

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from qal.corpus.manifest import Corpus
from qal.errors import CorpusError, ModelError
from qal.jobs.run import Run
from qal.json_text import json_text

ROOT = Path(__file__).parents[3]
PACKAGES = (
    "torch",
    "pytorch-lightning",
    "transformers",
    "peft",
    "deepspeed",
    "audiomentations",
    "numpy",
    "ctranslate2",
    "faster-whisper",
    "silero-vad",
)
GIT_TIMEOUT_S = 10


def record_environment(run: Run, base: Path, corpora: Sequence[Corpus], attempt: int) -> dict:
    """Appends the environment of this attempt to the run's file and returns it. `base` is a model directory."""
    environment = {
        "attempt": attempt,
        "time": time.time(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": _package_versions(),
        "git": git_revision(ROOT),
        "hardware": hardware(),
        "base_sha256": weights_sha256(base),
        "corpora": [{"name": corpus.info.name, "version": corpus.info.version} for corpus in corpora],
    }
    with run.environment_file.open("a", encoding="utf-8") as file:
        file.write(json_text(environment, ensure_ascii=False) + "\n")
    return environment


def require_unchanged_inputs(run: Run, base: Path, corpora: Sequence[Corpus]) -> None:
    """Checks that a resumed run uses the same base weights and datasets as its first attempt.

    Args:
        run: the run; a run without a first attempt passes.
        base: model directory of the base model.
        corpora: the run's corpora.

    Raises:
        ModelError: the base weights have changed.
        CorpusError: a corpus has changed."""
    first = _first_attempt(run.environment_file)
    if first.get("base_sha256") not in (None, weights_sha256(base)):
        raise ModelError(
            f"{base}: the base model has changed since this run started, so its trained weights no longer fit; "
            "start a new run, or restore the old model"
        )
    versions = [corpus["version"] for corpus in first.get("corpora", [])]
    for corpus in corpora:
        if versions and corpus.info.version not in versions:
            raise CorpusError(
                f"the dataset {corpus.info.name} has changed since this run started, so the order of its examples is "
                "different; start a new run, or restore the old manifest"
            )


def _first_attempt(path: Path) -> dict:
    """First complete line of the file; a full disk may have torn a line."""
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            environment = json.loads(line)
        except ValueError:
            continue
        if isinstance(environment, dict):
            return environment
    return {}


def weights_sha256(directory: Path) -> str:
    """SHA-256 of the model.bin in a model directory."""
    with (directory / "model.bin").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hardware() -> dict:
    """CPU, number of cores, memory in GB and names of the GPUs."""
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    memory_gb = round(psutil.virtual_memory().total / 1e9, 1)
    return {"cpu": _cpu_name(), "cores": os.cpu_count(), "memory_gb": memory_gb, "gpus": gpus}


def git_revision(folder: Path) -> str | None:
    """Commit of the checkout, with "+changes" if tracked files differ from it; None outside of a checkout."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+changes" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    completed = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=GIT_TIMEOUT_S
    )
    return completed.stdout.strip()


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.is_file() else []
    return names[0].split(":", 1)[1].strip() if names else platform.processor()


def _package_versions() -> dict[str, str]:
    """Versions of the installed packages among PACKAGES."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
