"""What a check says: one finding a line, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

State = Literal["ok", "warning", "missing"]
PACKAGES = "Packages"  # the topic that is told in one line where all is well


@dataclass(frozen=True)
class Finding:
    topic: str
    name: str
    state: State
    value: str
    advice: str = ""  # what to do; "" where all is well
    essential: bool = False  # without it nothing can be captioned


def is_usable(findings: Sequence[Finding]) -> bool:
    return not any(f.state == "missing" and f.essential for f in findings)


def summarised(findings: Sequence[Finding]) -> list[Finding]:
    """The same, with the packages that are as they should be in one line."""
    packages = [f for f in findings if f.topic == PACKAGES]
    well = [f for f in packages if f.state == "ok"]
    if not well:
        return list(findings)
    line = replace(well[0], name="as pinned", value=f"{len(well)} of {len(packages)}")
    at = findings.index(packages[0])
    rest = [f for f in findings if f not in well]
    return [*rest[:at], line, *rest[at:]]


def verdict(findings: Sequence[Finding]) -> str:
    """The whole in one sentence."""
    warnings = sum(f.state == "warning" for f in findings)
    missing = sum(f.state == "missing" for f in findings)
    if not is_usable(findings):
        return "Something that is needed is missing; do what stands beside it."
    if not missing and not warnings:
        return "All is well."
    told = [f"{n} {what}" for n, what in ((missing, "missing"), (warnings, "to look at")) if n]
    return f"Qal can be used; {' and '.join(told)}."


def gigabytes(n_bytes: float) -> str:
    """1.5e9 -> '1.5 GB', 2e6 -> '2 MB'; decimal, as disks are sold."""
    if n_bytes >= 99.95e9:
        return f"{n_bytes / 1e9:.0f} GB"
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 999.5e6 else f"{n_bytes / 1e6:.0f} MB"
