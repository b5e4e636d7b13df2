"""What a machine is, what it lacks, and what is said of it."""

import socket
import sys
from pathlib import Path

import pytest

from qal.checks import server, storage
from qal.checks.check import Subject, check
from qal.checks.decoders import sound_findings
from qal.checks.device import cpu_finding, gpu_finding, gpus, torch_finding
from qal.checks.findings import PACKAGES, Finding, gigabytes, is_usable, summarised, verdict
from qal.checks.models import model_findings
from qal.checks.packages import package_findings, pinned_finding
from qal.checks.storage import Space, disk_finding, disk_is_low, memory, memory_is_low, shared_finding
from tests.model_folders import model_directory

EPYC = "processor\t: 0\nmodel name\t: AMD EPYC 9V74\nflags\t\t: fpu avx2 avx512f avx512_bf16\n\nmodel name\t: other\n"
GB = 10**9


def finding(state: str, essential: bool = False, topic: str = "Disk") -> Finding:
    return Finding(topic, "x", state, "value", essential=essential)  # type: ignore[arg-type]


def test_only_something_essential_that_is_missing_makes_it_unusable():
    assert is_usable([finding("ok"), finding("warning", True), finding("missing")])
    assert not is_usable([finding("ok"), finding("missing", True)])


def test_packages_that_are_as_pinned_take_one_line_and_others_one_each():
    wrong = Finding(PACKAGES, "av", "missing", "18 is not installed")
    told = summarised([finding("ok"), finding("ok", topic=PACKAGES), wrong, finding("ok", topic=PACKAGES)])
    assert [(f.name, f.value) for f in told] == [("x", "value"), ("as pinned", "2 of 3"), ("av", "18 is not installed")]


def test_the_verdict_is_a_sentence():
    assert verdict([finding("ok")]) == "All is well."
    assert verdict([finding("missing"), finding("warning")]) == "Qal can be used; 1 missing and 1 to look at."
    assert "needed" in verdict([finding("missing", True)])


@pytest.mark.parametrize(("n", "told"), [(0, "0 MB"), (999e6, "999 MB"), (1e9, "1.0 GB"), (123.4e9, "123 GB")])
def test_sizes_are_told_as_disks_are_sold(n, told):
    assert gigabytes(n) == told


def test_a_cpu_is_told_with_what_speeds_it_up():
    found = cpu_finding(EPYC, 2)
    assert found.value == "AMD EPYC 9V74, 2 cores, AVX-512 bf16, AVX-512, AVX2"
    assert found.state == "ok"
    assert cpu_finding(EPYC.replace("avx", "x"), 1).state == "warning"
    assert cpu_finding("", 1).state == "ok"


def test_gpus_are_read_from_the_driver_and_compared_with_what_is_seen(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100, 80GB, 81559, 81000'\necho garbage\necho 'x, [N/A], 1'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    ((name, total, free),) = gpus()
    assert (name, total > free) == ("NVIDIA H100, 80GB", True)
    assert gpu_finding(gpus(), 1).state == "ok"
    assert "CUDA 12" in gpu_finding(gpus(), 0).advice
    assert gpu_finding([], 0).value == "none; the CPU computes"
    tool.write_text("#!/bin/sh\necho failed\nexit 9\n")
    assert gpus() == []


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false", "/bin/echo"])
def test_a_torch_that_cannot_be_asked_is_missing_but_captions_go_on(python):
    found = torch_finding(python)
    assert found.state == "missing"
    assert is_usable([found])


def test_packages_are_compared_with_what_is_pinned(tmp_path):
    pins = ("# pydantic==0.1", "pydantic==0.1  # why", "no-such-package==1.0", "torch==0.1", "-r other.txt")
    (tmp_path / "r.txt").write_text("\n".join(pins))
    python, old, absent, torch = package_findings(tmp_path / "r.txt")
    assert (python.state, old.state, absent.state, torch.essential) == ("ok", "warning", "missing", False)
    assert absent.essential
    assert "pip install" in absent.advice


def test_a_build_of_the_pinned_version_is_that_version(monkeypatch):
    monkeypatch.setattr("qal.checks.packages.version", lambda name: "2.13.0+cpu")
    assert pinned_finding("torch", "2.13.0").state == "ok"


def test_the_decoders_that_are_promised_are_there():
    (found,) = sound_findings()
    assert "Opus" in found.value


def test_a_disk_is_low_by_bytes_or_by_share():
    assert disk_is_low(Space(10 * GB, 1 * GB))
    assert disk_is_low(Space(1000 * GB, 40 * GB))
    assert not disk_is_low(Space(1000 * GB, 60 * GB))
    assert memory_is_low(Space(16 * GB, GB // 4))
    assert not memory_is_low(Space(16 * GB, 2 * GB))


def test_a_folder_that_is_not_there_is_looked_at_where_it_would_be(tmp_path, monkeypatch):
    assert disk_finding("runs", tmp_path / "a" / "b").state in ("ok", "warning")
    (tmp_path / "file").write_text("")
    assert disk_finding("runs", tmp_path / "file").state == "missing"
    monkeypatch.setattr(storage.os, "access", lambda *_: False)
    refused = disk_finding("runs", tmp_path / "a")
    assert (refused.state, refused.essential) == ("missing", True)
    assert "cannot be written" in refused.advice


def test_a_full_disk_is_essential_and_a_low_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "disk_of", lambda folder: Space(100 * GB, 1000))
    assert not is_usable([disk_finding("data", tmp_path)])
    monkeypatch.setattr(storage, "disk_of", lambda folder: Space(100 * GB, GB))
    assert disk_finding("data", tmp_path).state == "warning"


def test_a_containers_memory_counts_and_its_caches_do_not(tmp_path):
    (tmp_path / "memory.max").write_text(str(2 * 10**8))
    (tmp_path / "memory.current").write_text(str(10**8))
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 50000000\n")
    assert memory(tmp_path) == Space(2 * 10**8, 150_000_000)
    (tmp_path / "memory.max").write_text("max")
    assert memory(tmp_path).total > 2 * 10**8


def test_little_shared_memory_is_worth_a_word():
    assert "--shm-size" in shared_finding(Space(64_000_000, 64_000_000)).advice
    assert shared_finding(Space(8 * GB, 8 * GB)).state == "ok"


def test_a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert server.port_finding("127.0.0.1", port).state == "warning"
    assert server.port_finding("127.0.0.1", port).state == "ok"
    assert server.port_finding("no.such.host.invalid", 1).state == "warning"


def test_a_hub_that_does_not_answer_says_what_still_works(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert "already work" in server.network_finding().advice


def test_without_any_model_nothing_is_usable_and_with_one_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path / "models"))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    assert not is_usable(model_findings("base-adaptive", tmp_path))
    own = model_directory(tmp_path / "own")
    assert is_usable(model_findings(str(own), tmp_path))
    model_directory(tmp_path / "models" / "base")
    here, default = model_findings("base-adaptive", tmp_path)
    assert (here.value, default.state) == ("base", "warning")
    assert "make setup" in default.advice
    assert not is_usable(model_findings("typo", tmp_path))
    (tmp_path / "running").mkdir()
    (tmp_path / "running" / "config.yaml").touch()
    assert is_usable(model_findings("running", tmp_path))  # its model may come
    model_directory(tmp_path / "mine" / "model")
    assert [f.state for f in model_findings("mine", tmp_path)] == ["ok"]


def test_a_package_that_is_missing_hides_nothing_else(monkeypatch, tmp_path):
    for name in ("av", "ctranslate2", "psutil"):
        monkeypatch.setitem(sys.modules, name, None)
    found = check(Subject(tmp_path, tmp_path))
    assert {f.topic for f in found if "cannot be made" in f.value} == {"Device", "Sound", "Memory"}
    assert any(f.topic == "Disk" for f in found)
    assert not is_usable(found)


def test_nobody_else_is_asked_unless_somebody_wants_it(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(server.urllib.request, "urlopen", refuse)
    check(Subject(tmp_path, tmp_path))
    assert Path("/dev/shm").exists() == any(f.name == "/dev/shm" for f in check(Subject(tmp_path, tmp_path)))
