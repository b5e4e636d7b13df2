"""Result of a check: one finding per fact, with advice where something should be changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

State = Literal["ok", "warning", "missing"]
STATE_LABELS: dict[State, str] = {"ok": "OK", "warning": "Warning", "missing": "Missing"}
PACKAGES = "Packages"  # topic whose findings are merged into one line where they are ok


@dataclass(frozen=True)
class Finding:
    """One fact about this machine."""

    topic: str
    name: str
    state: State
    value: str
    advice: str = ""  # what to do; "" if nothing has to be done
    essential: bool = False  # captions need it


def is_usable(findings: Sequence[Finding]) -> bool:
    """True if nothing essential is missing."""
    return not any(f.state == "missing" and f.essential for f in findings)


def merge_ok_packages(findings: Sequence[Finding]) -> list[Finding]:
    """Replaces the packages with the pinned version by one line with their number."""
    packages = [f for f in findings if f.topic == PACKAGES]
    ok = [f for f in packages if f.state == "ok"]
    if not ok:
        return list(findings)
    merged = replace(ok[0], name="Package versions", value=f"{len(ok)} of {len(packages)} as pinned")
    position = findings.index(packages[0])
    others = [f for f in findings if f not in ok]
    return [*others[:position], merged, *others[position:]]


def summary(findings: Sequence[Finding]) -> str:
    """Returns the result of all findings in one sentence."""
    warnings = sum(f.state == "warning" for f in findings)
    missing = sum(f.state == "missing" for f in findings)
    if not is_usable(findings):
        return "Something required is missing; see the advice below."
    if not missing and not warnings:
        return "All checks passed."
    counts = [f"{missing} missing"] if missing else []
    counts += [f"{warnings} warning{'s' if warnings > 1 else ''}"] if warnings else []
    return f"Qal can be used ({', '.join(counts)})."


def gigabytes(n_bytes: float) -> str:
    """1.5e9 -> '1.5 GB', 2e6 -> '2 MB'; decimal, like the sizes that disk makers give."""
    if n_bytes >= 99.95e9:
        return f"{n_bytes / 1e9:.0f} GB"
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 999.5e6 else f"{n_bytes / 1e6:.0f} MB"
