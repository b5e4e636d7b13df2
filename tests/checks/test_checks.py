"""Checks of the machine: device, packages, decoders, disk, memory, models, port and network."""

import socket
import sys
from pathlib import Path

import pytest

from qal.checks import server, storage
from qal.checks.check import CheckOptions, check
from qal.checks.decoders import audio_findings
from qal.checks.device import cpu_finding, gpu_finding, list_gpus, torch_finding
from qal.checks.findings import PACKAGES, Finding, gigabytes, is_usable, merge_ok_packages, summary
from qal.checks.models import model_findings
from qal.checks.packages import package_finding, package_findings
from qal.checks.storage import Space, disk_finding, disk_is_low, memory_is_low, memory_space, shared_memory_finding
from tests.model_folders import model_directory

EPYC = "processor\t: 0\nmodel name\t: AMD EPYC 9V74\nflags\t\t: fpu avx2 avx512f avx512_bf16\n\nmodel name\t: other\n"
GB = 10**9


def finding(state: str, essential: bool = False, topic: str = "Disk") -> Finding:
    return Finding(topic, "x", state, "value", essential=essential)  # type: ignore[arg-type]


def test_only_a_missing_essential_finding_is_not_usable():
    assert is_usable([finding("ok"), finding("warning", True), finding("missing")])
    assert not is_usable([finding("ok"), finding("missing", True)])


def test_packages_with_the_pinned_version_are_merged_into_one_line():
    wrong = Finding(PACKAGES, "av", "missing", "18 is not installed")
    merged = merge_ok_packages([finding("ok"), finding("ok", topic=PACKAGES), wrong, finding("ok", topic=PACKAGES)])
    assert [(f.name, f.value) for f in merged] == [
        ("x", "value"),
        ("Package versions", "2 of 3 as pinned"),
        ("av", "18 is not installed"),
    ]


def test_summary_counts_warnings_and_missing_findings():
    assert summary([finding("ok")]) == "All checks passed."
    assert summary([finding("missing"), finding("warning")]) == "Qal can be used (1 missing, 1 warning)."
    assert "required" in summary([finding("missing", True)])


@pytest.mark.parametrize(("n_bytes", "text"), [(0, "0 MB"), (999e6, "999 MB"), (1e9, "1.0 GB"), (123.4e9, "123 GB")])
def test_sizes_are_decimal_gigabytes(n_bytes, text):
    assert gigabytes(n_bytes) == text


def test_cpu_finding_has_cores_and_features():
    cpu = cpu_finding(EPYC, 2)
    assert cpu.value == "AMD EPYC 9V74, 2 cores, AVX-512 bf16, AVX-512, AVX2"
    assert cpu.state == "ok"
    assert cpu_finding(EPYC.replace("avx", "x"), 1).state == "warning"
    assert cpu_finding("", 1).state == "ok"


def test_gpus_of_the_driver_are_compared_with_those_of_ctranslate2(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100, 80GB, 81559, 81000'\necho garbage\necho 'x, [N/A], 1'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    ((name, total, free),) = list_gpus()
    assert (name, total > free) == ("NVIDIA H100, 80GB", True)
    assert gpu_finding(list_gpus(), 1).state == "ok"
    assert "CUDA 12" in gpu_finding(list_gpus(), 0).advice
    assert gpu_finding([], 0).value == "No GPU found; using CPU"
    tool.write_text("#!/bin/sh\necho failed\nexit 9\n")
    assert list_gpus() == []


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false", "/bin/echo"])
def test_missing_torch_is_not_essential(python):
    found = torch_finding(python)
    assert found.state == "missing"
    assert is_usable([found])


def test_packages_are_compared_with_the_pinned_versions(tmp_path):
    pins = ("# pydantic==0.1", "pydantic==0.1  # why", "no-such-package==1.0", "torch==0.1", "-r other.txt")
    (tmp_path / "r.txt").write_text("\n".join(pins))
    python, old, missing, torch = package_findings(tmp_path / "r.txt")
    assert (python.state, old.state, missing.state, torch.essential) == ("ok", "warning", "missing", False)
    assert missing.essential
    assert "pip install" in missing.advice


def test_local_build_of_the_pinned_version_is_ok(monkeypatch):
    monkeypatch.setattr("qal.checks.packages.version", lambda name: "2.13.0+cpu")
    assert package_finding("torch", "2.13.0").state == "ok"


def test_all_documented_decoders_are_available():
    (found,) = audio_findings()
    assert "Opus" in found.value


def test_disk_and_memory_are_low_by_bytes_or_by_share():
    assert disk_is_low(Space(10 * GB, 1 * GB))
    assert disk_is_low(Space(1000 * GB, 40 * GB))
    assert not disk_is_low(Space(1000 * GB, 60 * GB))
    assert memory_is_low(Space(16 * GB, GB // 4))
    assert not memory_is_low(Space(16 * GB, 2 * GB))


def test_missing_folder_is_checked_at_its_nearest_parent(tmp_path, monkeypatch):
    assert disk_finding("runs", tmp_path / "a" / "b").state in ("ok", "warning")
    (tmp_path / "file").write_text("")
    assert disk_finding("runs", tmp_path / "file").state == "missing"
    monkeypatch.setattr(storage.os, "access", lambda *_: False)
    refused = disk_finding("runs", tmp_path / "a")
    assert (refused.state, refused.essential) == ("missing", True)
    assert "cannot be written" in refused.advice


def test_full_disk_is_missing_and_low_disk_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "disk_space", lambda folder: Space(100 * GB, 1000))
    assert not is_usable([disk_finding("data", tmp_path)])
    monkeypatch.setattr(storage, "disk_space", lambda folder: Space(100 * GB, GB))
    assert disk_finding("data", tmp_path).state == "warning"


def test_memory_limit_of_a_container_counts_without_its_file_cache(tmp_path):
    (tmp_path / "memory.max").write_text(str(2 * 10**8))
    (tmp_path / "memory.current").write_text(str(10**8))
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 50000000\n")
    assert memory_space(tmp_path) == Space(2 * 10**8, 150_000_000)
    (tmp_path / "memory.max").write_text("max")
    assert memory_space(tmp_path).total > 2 * 10**8


def test_little_shared_memory_is_a_warning_with_advice():
    assert "--shm-size" in shared_memory_finding(Space(64_000_000, 64_000_000)).advice
    assert shared_memory_finding(Space(8 * GB, 8 * GB)).state == "ok"


def test_port_in_use_is_a_warning():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert server.port_finding("127.0.0.1", port).state == "warning"
    assert server.port_finding("127.0.0.1", port).state == "ok"
    assert server.port_finding("no.such.host.invalid", 1).state == "warning"


def test_unreachable_hub_is_a_warning_with_advice(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert "installed models work" in server.network_finding().advice


def test_at_least_one_installed_model_is_required(tmp_path, monkeypatch):
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path / "models"))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    assert not is_usable(model_findings("base-adaptive", tmp_path))
    own = model_directory(tmp_path / "own")
    assert is_usable(model_findings(str(own), tmp_path))
    model_directory(tmp_path / "models" / "base")
    installed, default = model_findings("base-adaptive", tmp_path)
    assert (installed.value, default.state) == ("base", "warning")
    assert "qal models fetch base-adaptive" in default.advice
    assert not is_usable(model_findings("typo", tmp_path))
    (tmp_path / "running").mkdir()
    (tmp_path / "running" / "config.yaml").touch()
    assert is_usable(model_findings("running", tmp_path))  # the run has not finished
    model_directory(tmp_path / "mine" / "model")
    assert [f.state for f in model_findings("mine", tmp_path)] == ["ok"]


def test_missing_package_does_not_stop_other_checks(monkeypatch, tmp_path):
    for name in ("av", "ctranslate2", "psutil"):
        monkeypatch.setitem(sys.modules, name, None)
    found = check(CheckOptions(tmp_path, tmp_path))
    assert {f.topic for f in found if "cannot run" in f.value} == {"Device", "Audio", "Memory"}
    assert any(f.topic == "Disk" for f in found)
    assert not is_usable(found)


def test_no_request_is_sent_by_default(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise AssertionError("a request was sent")

    monkeypatch.setattr(server.urllib.request, "urlopen", refuse)
    check(CheckOptions(tmp_path, tmp_path))
    assert Path("/dev/shm").exists() == any(f.name == "/dev/shm" for f in check(CheckOptions(tmp_path, tmp_path)))
