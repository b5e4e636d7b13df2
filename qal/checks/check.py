"""All checks of this machine. A check that fails does not stop the others."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qal.checks.decoders import audio_findings
from qal.checks.device import device_findings
from qal.checks.findings import Finding
from qal.checks.models import model_findings
from qal.checks.packages import INSTALL, package_findings
from qal.checks.server import network_finding, port_finding
from qal.checks.storage import disk_findings, memory_findings


@dataclass(frozen=True)
class CheckOptions:
    """Folders, model and optional checks."""

    data: Path = Path("data")
    runs: Path = Path("runs")
    model: str = "base-adaptive"
    address: tuple[str, int] | None = None  # host and port of a page that will be served; None: it is served already
    torch: bool = False  # imports torch in another process, which takes seconds
    network: bool = False  # sends a request to the model hub


def check(options: CheckOptions) -> list[Finding]:
    """Returns the findings by topic, in the order in which they are shown."""
    checks: list[tuple[str, Callable[[], list[Finding]]]] = [
        ("Device", lambda: device_findings(options.torch)),
        ("Python", package_findings),
        ("Audio", audio_findings),
        ("Models", lambda: model_findings(options.model, options.runs)),
        ("Disk", lambda: disk_findings(checked_folders(options))),
        ("Memory", memory_findings),
    ]
    if options.address:
        host, port = options.address
        checks.append(("Server", lambda: [port_finding(host, port)]))
    if options.network:
        checks.append(("Network", lambda: [network_finding()]))
    return [finding for topic, topic_check in checks for finding in _run_check(topic, topic_check)]


def checked_folders(options: CheckOptions) -> dict[str, Path]:
    """Returns the folders whose disk space is checked, by name."""
    folders = {"data": options.data, "runs": options.runs}
    try:
        from qal.engine.catalogue import models_folder
    except ImportError:  # the package findings report it
        return folders
    return {**folders, "models": models_folder()}


def _run_check(topic: str, topic_check: Callable[[], list[Finding]]) -> list[Finding]:
    """Runs one check; a missing package becomes a finding, so that the other checks still run."""
    try:
        return topic_check()
    except ImportError as error:
        return [Finding(topic, "check", "missing", f"cannot run: {error}", INSTALL, essential=True)]
