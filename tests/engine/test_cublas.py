"""CTranslate2 finds cuBLAS 12 where pip installs it, and without it the error says what to install."""

import ctypes
import os
import subprocess
from pathlib import Path

import pytest

from qal.checks.device import inference_finding
from qal.engine.settings import cublas
from qal.engine.settings.device import choose_device
from qal.errors import ModelError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """Returns an empty folder of packages, on a machine with a GPU and without cuBLAS 12 of the system."""
    monkeypatch.setattr(cublas.sys, "path", [str(tmp_path)])
    monkeypatch.setattr(cublas.sys, "platform", "linux")
    monkeypatch.setattr(cublas.sysconfig, "get_path", lambda kind: str(tmp_path))
    monkeypatch.setattr(cublas, "_is_loadable", lambda name: False)
    monkeypatch.setattr("qal.engine.engine.ctranslate2.get_cuda_device_count", lambda: 1)
    return tmp_path


def install(site: Path) -> Path:
    folder = site / "nvidia" / "cublas" / "lib"
    folder.mkdir(parents=True)
    for name in cublas.LIBRARIES:
        (folder / name).touch()
    return folder


def test_a_gpu_loads_the_cublas_of_pip_before_it_is_used(site, monkeypatch):
    folder = install(site)
    loaded = []
    monkeypatch.setattr(cublas.ctypes, "CDLL", lambda path, mode: loaded.append((path, mode)))
    assert choose_device("auto") == "cuda"
    assert loaded == [(str(folder / name), ctypes.RTLD_GLOBAL) for name in cublas.LIBRARIES]


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_without_cublas_says_what_to_install(site, device):
    with pytest.raises(ModelError, match="pip install nvidia-cublas-cu12"):
        choose_device(device)
    found = inference_finding("cuda", "float16")
    assert (found.state, "pip install" in found.advice) == ("missing", True)


def test_a_damaged_cublas_says_what_to_do(site):
    install(site)
    with pytest.raises(ModelError, match="install nvidia-cublas-cu12 again"):
        choose_device("cuda")


def test_the_cpu_needs_no_cublas(site):
    assert choose_device("cpu") == "cpu"
    assert inference_finding("cpu", "int8").state == "ok"


@pytest.mark.parametrize(("answer", "extra"), [("echo 'GPU 0: NVIDIA H200'", ".[gpu]"), ("exit 9", ".")])
def test_make_installs_cublas_where_there_is_a_gpu(tmp_path, answer, extra):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{answer}\n")
    tool.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["make", "--dry-run", "--always-make", ".venv/installed"]
    planned = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert f'-e "{extra}"' in planned.stdout
