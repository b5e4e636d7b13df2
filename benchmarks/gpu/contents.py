"""The contents of a pack: wheels for another Python, models in int8, and speech to transcribe."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks.gpu.pieces import PieceError

# The imports of benchmarks.gpu; what they require is added, in the versions of this environment.
PACKAGES = (
    *("ctranslate2", "faster-whisper", "av", "onnxruntime", "tokenizers", "huggingface-hub", "tqdm", "numpy"),
    *("pydantic", "jsonargparse", "docstring-parser", "PyYAML", "jiwer", "psutil", "silero-vad"),
    *("transformers", "peft", "pytorch-lightning"),
)
NEVER_PACKED = ("torch", "torchaudio", "triton", "setuptools")  # the machine has a torch that fits its driver
GLIBC_MINORS = (39, 35, 34, 31, 28, 27, 26, 24, 17, 12, 5)  # pip matches each platform exactly
PLATFORMS = (*(f"manylinux_2_{n}_x86_64" for n in GLIBC_MINORS), "manylinux2014_x86_64", "manylinux1_x86_64")
TARGET_MACHINE = {  # of environment markers
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "extra": "",
}


def required_versions(roots: Iterable[str], without: Iterable[str], python: str) -> dict[str, str]:
    """Returns the packages that the roots need on the other machine, with the versions of this environment.

    Args:
        roots: names of packages.
        without: packages that the other machine has already.
        python: version of Python there."""
    markers = {**TARGET_MACHINE, "python_version": python, "python_full_version": f"{python}.0"}
    excluded = {normalised(name) for name in (*NEVER_PACKED, *without)}
    found: dict[str, str] = {}
    waiting = [normalised(name) for name in roots]
    while waiting:
        name = waiting.pop()
        if name in found or name in excluded or name.startswith("nvidia-"):
            continue
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # needed on other platforms alone
        needed = [Requirement(line) for line in requires(name) or []]
        waiting += [normalised(r.name) for r in needed if r.marker is None or r.marker.evaluate(markers)]
    return dict(sorted(found.items()))


def normalised(name: str) -> str:
    return name.lower().replace("_", "-")


def download_wheels(versions: dict[str, str], folder: Path, python: str) -> None:
    """Downloads a wheel of each package for Python on x86-64 Linux. Raises PieceError with pip's reason."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += [f"--python-version={python}", "--implementation=cp"]
    command += [f"--abi={abi}" for abi in (f"cp{python.replace('.', '')}", "abi3", "none")]
    command += [f"--platform={platform}" for platform in PLATFORMS]
    names = [f"{name}=={number}" for name, number in versions.items()]
    done = subprocess.run([*command, "--dest", str(folder), *names], capture_output=True, text=True)
    if done.returncode:
        reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise PieceError(f"pip could not download the wheels: {' '.join(reasons) or 'pip failed'}")


def add_model(name: str, folder: Path) -> None:
    """Adds a model of the catalogue as int8, which halves its size."""
    from qal.engine.catalogue import models_folder, resolve
    from qal.engine.model_directory import METADATA_FILE
    from qal.export.from_ctranslate2 import cached_transformers
    from qal.export.to_ctranslate2 import to_ctranslate2

    directory = resolve(name)
    source = cached_transformers(directory, models_folder() / "transformers")
    target = to_ctranslate2(source, folder / name, "int8")
    for extra in (METADATA_FILE, "preprocessor_config.json"):
        if (directory / extra).exists():
            shutil.copyfile(directory / extra, target / extra)


def add_speech(corpus_folder: Path, folder: Path, examples: int) -> None:
    """Adds some test examples of a corpus, evenly spaced."""
    from qal.corpus.manifest import read_corpus, write_corpus
    from qal.corpus.split import evenly_spaced

    corpus = read_corpus(corpus_folder)
    rows = evenly_spaced([row for row in corpus.select("test") if row.text and row.duration_s < 29], examples)
    for row in rows:
        audio = folder / row.audio
        audio.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(corpus.audio_path(row), audio)
    write_corpus(folder, corpus.info, rows)
