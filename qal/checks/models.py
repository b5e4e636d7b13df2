"""Models that are installed on this machine, and the default model of the page."""

from pathlib import Path

from qal.checks.findings import Finding
from qal.errors import ModelError

TOPIC = "Models"
SET_UP = "run `qal models fetch base-adaptive` once"


def model_findings(default_model: str, runs: Path) -> list[Finding]:
    """Returns the installed models, and a problem of the default model if there is one.

    Args:
        default_model: a catalogue name, a run's id or a model directory.
        runs: folder of the training runs."""
    from qal.engine.catalogue import (
        CATALOGUE_NAMES,
        DEFAULT_MODEL,
        canonical_model_name,
        local_directory,
        models_folder,
    )
    from qal.engine.model_directory import is_model_directory

    installed = [name for name in CATALOGUE_NAMES if local_directory(name)]
    try:
        model = canonical_model_name(default_model, runs)
    except ModelError:
        model = None
    has_directory = bool(model) and any(map(is_model_directory, (Path(model), runs / model / "model")))
    if not installed and not has_directory:
        value = f"none in {models_folder()}"
        return [Finding(TOPIC, "Installed models", "missing", value, SET_UP, essential=True)]
    findings = [Finding(TOPIC, "Installed models", "ok", ", ".join(installed) or default_model, essential=True)]
    if model is None:
        value = f"there is no model '{default_model}'"
        findings.append(Finding(TOPIC, "Default model", "missing", value, "give another --model", essential=True))
    elif model not in CATALOGUE_NAMES and not has_directory:
        value = f"the run {default_model} has no model yet"
        advice = "wait until the run has finished, or give another --model"
        findings.append(Finding(TOPIC, "Default model", "warning", value, advice))
    elif model in CATALOGUE_NAMES and model not in installed:
        advice = SET_UP if model == DEFAULT_MODEL else "it is downloaded when it is first used"
        findings.append(Finding(TOPIC, "Default model", "warning", f"{model} is not installed yet", advice))
    return findings
