"""Installs unpacked wheels into a folder of their own, and writes the environment that finds them.

Runs on a machine that has torch and may have little else, so it needs only Python itself."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.gpu.pieces import PieceError

CUBLAS = ("libcublas", "libcublasLt")
CUBLAS_VERSION = 12  # that CTranslate2 loads at run time
CUBLAS_VERSIONS = (12, 13)  # that were seen to have the functions that it needs
CUDNN = "libcudnn.so.9"
SYSTEM_LIBRARIES = ("/usr/local/cuda/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/local/lib")
ENVIRONMENT_FILE = "environment.sh"
NEVER_INSTALLED = ("torch",)  # the machine's own fits its driver
KEPT = ("numpy",)  # in any version: other packages of the machine were built for it


def wheel_requirement(wheel: Path) -> tuple[str, str]:
    """Returns the name and the version in a wheel's file name."""
    name, version = wheel.name.split("-")[:2]
    return name.replace("_", "-").lower(), version


def wheels_to_install(wheels: Iterable[Path], all_versions: bool) -> list[Path]:
    """Chooses the wheels whose packages this Python lacks.

    Args:
        wheels: the packed wheels.
        all_versions: also those whose package is here in another version."""
    chosen = []
    for wheel in sorted(wheels):
        name, version = wheel_requirement(wheel)
        installed = installed_version(name)
        differs = all_versions and installed != version and name not in KEPT
        if name not in NEVER_INSTALLED and (installed is None or differs):
            chosen.append(wheel)
    return chosen


def installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def install(wheels: Iterable[Path], site: Path) -> None:
    """Installs wheels into a folder, without their requirements. Raises PieceError with pip's reason."""
    site.mkdir(parents=True, exist_ok=True)
    files = [str(wheel) for wheel in wheels]
    if not files:
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
    done = subprocess.run([*command, "--upgrade", "--target", str(site), *files], capture_output=True, text=True)
    if done.returncode:
        raise PieceError(f"pip could not install the packed wheels: {done.stderr.strip()[-500:]}")


def library_folders() -> list[Path]:
    """Returns the folders with libraries of torch, of NVIDIA's packages, and of the system."""
    folders = []
    torch, nvidia = importlib.util.find_spec("torch"), importlib.util.find_spec("nvidia")
    if nvidia and nvidia.submodule_search_locations:
        for location in nvidia.submodule_search_locations:
            folders += sorted(Path(location).glob("*/lib"))
    if torch and torch.origin:
        folders.append(Path(torch.origin).parent / "lib")
    return [*folders, *map(Path, SYSTEM_LIBRARIES)]


def link_cublas(folders: Iterable[Path], target: Path) -> list[Path]:
    """Links cuBLAS under the name that CTranslate2 looks for, whatever its version; returns the links.

    Torch's packages for CUDA 13 hold libcublas.so.13, while CTranslate2 4.8 loads libcublas.so.12."""
    target.mkdir(parents=True, exist_ok=True)
    links = []
    for name in CUBLAS:
        candidates = [folder / f"{name}.so.{v}" for v in CUBLAS_VERSIONS for folder in folders]
        found = next((path for path in candidates if path.exists()), None)
        if found:
            link = target / f"{name}.so.{CUBLAS_VERSION}"
            link.unlink(missing_ok=True)
            link.symlink_to(found)
            links.append(link)
    return links


def write_environment(folder: Path, libraries: Path, library_paths: Iterable[Path]) -> Path:
    """Writes the shell file that sets the search paths of packages, libraries and models."""
    paths = [str(libraries), *map(str, library_paths)]
    lines = [
        f'export PYTHONPATH="{folder / "site"}:$PWD${{PYTHONPATH:+:$PYTHONPATH}}"',
        f'export LD_LIBRARY_PATH="{os.pathsep.join(paths)}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"',
        f'export WHISPER_MODEL_DIR="{folder / "models"}"',
        "export HF_HUB_OFFLINE=1",
    ]
    file = folder / ENVIRONMENT_FILE
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def set_up(folder: Path, all_versions: bool) -> Path:
    """Installs what an unpacked folder holds; returns the file of the environment."""
    install(wheels_to_install((folder / "wheels").glob("*.whl"), all_versions), folder / "site")
    folders = library_folders()
    link_cublas(folders, folder / "lib")
    return write_environment(folder, folder / "lib", [f for f in folders if (f / CUDNN).exists()])
