"""Finds cuBLAS 12 for CTranslate2, which loads `libcublas.so.12` by its name when it first computes on a GPU.

PyTorch's packages for CUDA 13 bring `libcublas.so.13` only, and pip's packages are on no search path of the system. A
library that is loaded already is found by its name."""

import ctypes
import sys
import sysconfig
from pathlib import Path

from qal.errors import ModelError

LIBRARIES = ("libcublasLt.so.12", "libcublas.so.12")  # the second needs the first
PIP_FOLDER = Path("nvidia", "cublas", "lib")  # of nvidia-cublas-cu12, in site-packages


def load_cublas() -> None:
    """Loads cuBLAS 12 of the system, else of pip's packages. Raises ModelError if there is none, or it is damaged."""
    if sys.platform != "linux" or _is_loadable(LIBRARIES[-1]):
        return
    folder = next((f for f in pip_folders() if all((f / name).is_file() for name in LIBRARIES)), None)
    if folder is None:
        raise ModelError(
            "CTranslate2 needs cuBLAS 12 to compute on the GPU, and it is not installed; "
            "run pip install nvidia-cublas-cu12, or use --device cpu"
        )
    for name in LIBRARIES:
        try:
            ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise ModelError(
                f"{folder / name} cannot be loaded ({error}); install nvidia-cublas-cu12 again, or use --device cpu"
            ) from error


def pip_folders() -> list[Path]:
    """Returns the folders in which pip installs cuBLAS, whether they exist or not."""
    places = {*sys.path, *(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))}
    return [Path(place) / PIP_FOLDER for place in sorted(places) if place]


def _is_loadable(name: str) -> bool:
    try:
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
