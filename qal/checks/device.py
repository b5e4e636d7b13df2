"""What computes here: the CPU, the GPUs as CTranslate2 sees them, and, asked in a process of its own, as torch does."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from qal.checks.findings import Finding, gigabytes

TOPIC = "Device"
FEATURES = {  # of /proc/cpuinfo, the best first
    "amx_bf16": "AMX bf16",
    "amx_int8": "AMX int8",
    "avx512_bf16": "AVX-512 bf16",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
    "asimd": "NEON",
}
NEEDED = {"avx2", "asimd"}
ASK_GPUS = ("nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
GPU_PATIENCE_S, TORCH_PATIENCE_S = 10, 120
MIB = 2**20
ASK_TORCH = """
import json, torch
cuda = torch.cuda.is_available()
mps = getattr(torch.backends, "mps", None)
print(json.dumps({
    "version": torch.__version__, "threads": torch.get_num_threads(), "mps": bool(mps and mps.is_available()),
    "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else [],
    "bf16": bool(cuda and torch.cuda.is_bf16_supported()),
}))
"""


def device_findings(ask_torch: bool = False) -> list[Finding]:
    import ctranslate2

    found = [cpu_finding(_cpuinfo(), usable_cores())]
    found.append(gpu_finding(gpus(), ctranslate2.get_cuda_device_count()))
    on = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    kinds = ", ".join(sorted(ctranslate2.get_supported_compute_types(on)))
    found.append(Finding(TOPIC, "captions", "ok", f"on {'a GPU' if on == 'cuda' else 'the CPU'}: {kinds}"))
    return [*found, torch_finding(sys.executable)] if ask_torch else found


def cpu_finding(cpuinfo: str, cores: int) -> Finding:
    """Of the text of /proc/cpuinfo, or of nothing where there is no such file."""
    named = dict(
        reversed([[part.strip() for part in line.split(":", 1)] for line in cpuinfo.splitlines() if ":" in line])
    )
    flags = set((named.get("flags") or named.get("Features") or "").split())
    name = named.get("model name") or platform.processor() or platform.machine()
    features = [words for flag, words in FEATURES.items() if flag in flags]
    value = ", ".join([name, counted(cores, "core"), *features])
    if flags and not flags & NEEDED:
        return Finding(TOPIC, "CPU", "warning", value, "it has no AVX2: captions will be slow; use a newer machine")
    return Finding(TOPIC, "CPU", "ok", value)


def counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"


def usable_cores() -> int:
    """Those that this process may use, not all that the machine has."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return min(affinity, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no container, or one without a limit
        return affinity


def gpus() -> list[tuple[str, int, int]]:
    """(name, bytes, free bytes) of each that the driver tells of."""
    try:
        done = subprocess.run(ASK_GPUS, capture_output=True, text=True, timeout=GPU_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = []
    for line in done.stdout.splitlines() if done.returncode == 0 else []:
        name, *sizes = [part.strip() for part in line.rsplit(",", 2)]
        if len(sizes) == 2 and all(size.isdecimal() for size in sizes):
            found.append((name, int(sizes[0]) * MIB, int(sizes[1]) * MIB))
    return found


def gpu_finding(listed: list[tuple[str, int, int]], seen: int) -> Finding:
    """`listed` by the driver, `seen` by CTranslate2."""
    value = "; ".join(f"{name}, {gigabytes(free)} of {gigabytes(total)} free" for name, total, free in listed)
    if listed and not seen:
        advice = "CTranslate2 cannot use it: install CUDA 12 and cuDNN 9, and look at CUDA_VISIBLE_DEVICES"
        return Finding(TOPIC, "GPU", "warning", value, advice)
    if seen and not listed:
        return Finding(TOPIC, "GPU", "ok", counted(seen, "CUDA device"))
    return Finding(TOPIC, "GPU", "ok", value or "none; the CPU computes")


def torch_finding(python: str) -> Finding:
    """What training would compute on; torch is imported over there, not here."""
    try:
        done = subprocess.run([python, "-c", ASK_TORCH], capture_output=True, text=True, timeout=TORCH_PATIENCE_S)
        told = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        return Finding(TOPIC, "training", "missing", "torch cannot be imported", "pip install -r requirements.txt")
    cpu = f"the CPU, {counted(told['threads'], 'thread')}"
    where = ", ".join(told["gpus"]) or ("Apple's GPU (MPS)" if told["mps"] else cpu)
    return Finding(TOPIC, "training", "ok", f"on {where}, torch {told['version']}{', bf16' if told['bf16'] else ''}")


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
