"""Everything that is looked at, in the order in which it is told. No check stops another one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qal.checks.decoders import sound_findings
from qal.checks.device import device_findings
from qal.checks.findings import Finding
from qal.checks.models import model_findings
from qal.checks.packages import INSTALL, package_findings
from qal.checks.server import network_finding, port_finding
from qal.checks.storage import disk_findings, memory_findings


@dataclass(frozen=True)
class Subject:
    """What is checked."""

    data: Path = Path("data")
    runs: Path = Path("runs")
    model: str = "base-adaptive"
    address: tuple[str, int] | None = None  # where a page would be served; None: it is served already
    torch: bool = False  # asked in a process of its own, which takes seconds
    network: bool = False  # nobody else is asked unless somebody wants it


def check(subject: Subject) -> list[Finding]:
    parts: list[tuple[str, Callable[[], list[Finding]]]] = [
        ("Device", lambda: device_findings(subject.torch)),
        ("Python", package_findings),
        ("Sound", sound_findings),
        ("Models", lambda: model_findings(subject.model, subject.runs)),
        ("Disk", lambda: disk_findings(folders_of(subject))),
        ("Memory", memory_findings),
    ]
    if subject.address:
        host, port = subject.address
        parts.append(("Server", lambda: [port_finding(host, port)]))
    if subject.network:
        parts.append(("Network", lambda: [network_finding()]))
    return [finding for topic, part in parts for finding in _told(topic, part)]


def folders_of(subject: Subject) -> dict[str, Path]:
    try:
        from qal.engine.catalogue import models_folder
    except ImportError:  # told by its own line
        return {"data": subject.data, "runs": subject.runs}
    return {"data": subject.data, "runs": subject.runs, "models": models_folder()}


def _told(topic: str, part: Callable[[], list[Finding]]) -> list[Finding]:
    """A package that is missing must not hide what else is wrong."""
    try:
        return part()
    except ImportError as error:
        return [Finding(topic, "check", "missing", f"cannot be made: {error}", INSTALL, essential=True)]
