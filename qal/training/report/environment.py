"""What a run was made with, so that somebody else can make it again: runs/<id>/environment.jsonl, a line an attempt."""

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
ENVIRONMENT = "environment.jsonl"
GIT_PATIENCE_S = 10


def record_environment(run: Run, base: Path, corpora: Sequence[Corpus], attempt: int) -> dict:
    """Appends what this attempt is made with; -> the line. base: model directory."""
    line = {
        "attempt": attempt,
        "time": time.time(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "git": git_revision(ROOT),
        "hardware": hardware(),
        "base_sha256": weights_sha256(base),
        "corpora": [{"name": corpus.info.name, "version": corpus.info.version} for corpus in corpora],
    }
    with (run.folder / ENVIRONMENT).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return line


def refuse_other_materials(run: Run, base: Path, corpora: Sequence[Corpus]) -> None:
    """Raises CorpusError or ModelError where a run that began is to go on with other rows, or other base weights."""
    first = _first_attempt(run.folder / ENVIRONMENT)
    if first.get("base_sha256") not in (None, weights_sha256(base)):
        raise ModelError(
            f"{base}: is no longer the model that this run began with, so that what it has learned does not fit; "
            "start a new run, or put the old model back"
        )
    known = [corpus["version"] for corpus in first.get("corpora", [])]
    for corpus in corpora:
        if known and corpus.info.version not in known:
            raise CorpusError(
                f"{corpus.info.name} has changed since this run began, so that its rows come in another order; "
                "start a new run, or put the old manifest back"
            )


def _first_attempt(path: Path) -> dict:
    """The first line that is whole: a full disk may have torn one."""
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return {}


def weights_sha256(directory: Path) -> str:
    """Of a model directory's model.bin."""
    with (directory / "model.bin").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hardware() -> dict:
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    memory_gb = round(psutil.virtual_memory().total / 1e9, 1)
    return {"cpu": _cpu(), "cores": os.cpu_count(), "memory_gb": memory_gb, "gpus": gpus}


def git_revision(folder: Path) -> str | None:
    """The commit of our own files, with "+changes" where they differ from it; None outside a checkout."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+changes" if changed else "")


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=GIT_PATIENCE_S
    )
    return done.stdout.strip()


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.is_file() else []
    return names[0].split(":", 1)[1].strip() if names else platform.processor()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
