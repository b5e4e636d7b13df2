"""One check of the gate, and what the gate found at the end of a training, as report.json holds it."""

from typing import Literal

from pydantic import BaseModel, Field

FAILED_GATE = "Failed the gate"
REFUSED_BY_GATE = "the model failed the gate"  # begins the reason of a run whose model was not exported
CheckState = Literal["passed", "failed", "not checked"]


class CheckResult(BaseModel, frozen=True):
    """One thing that the gate checks."""

    name: str
    state: CheckState
    detail: str = Field(default="", description="what was found, in a sentence")


class GateSummary(BaseModel, frozen=True):
    """The result of the gate at the end of a training; the figures of the formats are in gate.json of the run."""

    checks: tuple[CheckResult, ...] = ()
    failures: tuple[str, ...] = Field(default=(), description="a sentence for each step and each check that failed")
    alignment_heads: str = Field(default="", description="whether better heads were found, in a sentence")
    seconds: float = Field(default=0.0, ge=0, description="time that the gate took")


def gate_sentences(gate: GateSummary) -> list[str]:
    """Returns whole sentences on what passed, what could not be checked, and the alignment heads."""
    passed = [check.name for check in gate.checks if check.state == "passed"]
    missing = [check for check in gate.checks if check.state == "not checked"]
    sentences = [f"Gate: {len(passed)} of {len(gate.checks)} checks passed ({', '.join(passed)})."]
    sentences += [f"Not checked: {check.name}{f' ({check.detail})' if check.detail else ''}." for check in missing]
    return [*sentences, gate.alignment_heads] if gate.alignment_heads else sentences
