"""CPU and GPUs: as the driver, CTranslate2 and, in another process, torch report them."""

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from qal.checks.findings import Finding, gigabytes
from qal.cores import usable_cores
from qal.errors import ModelError

TOPIC = "Device"
CPU_FEATURES = {  # flag of /proc/cpuinfo -> name; the fastest first
    "amx_bf16": "AMX bf16",
    "amx_int8": "AMX int8",
    "avx512_bf16": "AVX-512 bf16",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
    "asimd": "NEON",
}
FAST_FEATURES = {"avx2", "asimd"}  # without one of them captions are slow
GPU_COMMAND = ("nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
GPU_TIMEOUT_S, TORCH_TIMEOUT_S = 10, 120
MIB = 2**20  # bytes
TORCH_SCRIPT = """
import json, torch
cuda = torch.cuda.is_available()
mps = getattr(torch.backends, "mps", None)
print(json.dumps({
    "version": torch.__version__, "threads": torch.get_num_threads(), "mps": bool(mps and mps.is_available()),
    "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else [],
    "bf16": bool(cuda and torch.cuda.is_bf16_supported()),
}))
"""


class Gpu(NamedTuple):
    """A GPU as the driver reports it."""

    name: str
    total_bytes: int
    free_bytes: int


def device_findings(with_torch: bool = False) -> list[Finding]:
    import ctranslate2

    device_count = ctranslate2.get_cuda_device_count()
    device = "cuda" if device_count else "cpu"
    compute_types = ", ".join(sorted(ctranslate2.get_supported_compute_types(device)))
    findings = [
        cpu_finding(_read_cpuinfo(), usable_cores()),
        gpu_finding(list_gpus(), device_count),
        inference_finding(device, compute_types),
    ]
    return [*findings, torch_finding(sys.executable)] if with_torch else findings


def cpu_finding(cpuinfo: str, cores: int) -> Finding:
    """Returns model, cores and features of the CPU.

    Args:
        cpuinfo: content of /proc/cpuinfo; "" on systems without it.
        cores: number of usable cores."""
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip(), value.strip())  # the first of several CPUs
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    name = fields.get("model name") or platform.processor() or platform.machine()
    features = [feature for flag, feature in CPU_FEATURES.items() if flag in flags]
    value = ", ".join([name, count_text(cores, "core"), *features])
    if flags and not flags & FAST_FEATURES:
        return Finding(TOPIC, "CPU", "warning", value, "no AVX2: captions will be slow; use a newer machine")
    return Finding(TOPIC, "CPU", "ok", value)


def count_text(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def list_gpus() -> list[Gpu]:
    """Returns the GPUs that nvidia-smi lists; [] without it."""
    try:
        result = subprocess.run(GPU_COMMAND, capture_output=True, text=True, timeout=GPU_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    gpus = []
    for line in result.stdout.splitlines() if result.returncode == 0 else []:
        name, *sizes = [field.strip() for field in line.rsplit(",", 2)]
        if len(sizes) == 2 and all(size.isdecimal() for size in sizes):
            gpus.append(Gpu(name, int(sizes[0]) * MIB, int(sizes[1]) * MIB))
    return gpus


def gpu_finding(gpus: list[Gpu], usable_count: int) -> Finding:
    """Compares the GPUs of the driver with the number that CTranslate2 can use."""
    value = "; ".join(f"{gpu.name}, {gigabytes(gpu.free_bytes)} of {gigabytes(gpu.total_bytes)} free" for gpu in gpus)
    if gpus and not usable_count:
        advice = "CTranslate2 cannot use it: install a driver for CUDA 12 or newer, and check CUDA_VISIBLE_DEVICES"
        return Finding(TOPIC, "GPU", "warning", value, advice)
    if usable_count and not gpus:
        return Finding(TOPIC, "GPU", "ok", count_text(usable_count, "CUDA device"))
    return Finding(TOPIC, "GPU", "ok", value or "No GPU found; using CPU")


def inference_finding(device: str, compute_types: str) -> Finding:
    """Returns where CTranslate2 computes, and whether the library that it needs there can be loaded."""
    from qal.engine.settings.cublas import load_cublas

    value = f"{'GPU' if device == 'cuda' else 'CPU'} ({compute_types})"
    try:
        if device == "cuda":
            load_cublas()
    except ModelError as error:
        return Finding(TOPIC, "Inference", "missing", value, str(error))
    return Finding(TOPIC, "Inference", "ok", value)


def torch_finding(python: str) -> Finding:
    """Returns the device of training; torch is imported by another Python process."""
    try:
        result = subprocess.run([python, "-c", TORCH_SCRIPT], capture_output=True, text=True, timeout=TORCH_TIMEOUT_S)
        torch = json.loads(result.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        advice = "run: pip install -r requirements.txt"
        return Finding(TOPIC, "Training", "missing", "torch cannot be imported", advice)
    cpu = f"CPU, {count_text(torch['threads'], 'thread')}"
    device = ", ".join(torch["gpus"]) or ("Apple GPU (MPS)" if torch["mps"] else cpu)
    precision = ", bf16" if torch["bf16"] else ""
    return Finding(TOPIC, "Training", "ok", f"{device}, torch {torch['version']}{precision}")


def _read_cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
