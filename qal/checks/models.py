"""Which models are on this machine."""

from pathlib import Path

from qal.checks.findings import Finding
from qal.errors import ModelError

TOPIC = "Models"
SET_UP = "run `make setup` once"


def model_findings(wanted: str, runs: Path) -> list[Finding]:
    """`wanted`: the model that a page begins with, a catalogue name, a run's id or a directory."""
    from qal.engine.catalogue import DEFAULT_MODEL, NAMES, local_directory, models_folder, settled_model
    from qal.engine.model_directory import is_model_directory

    here = [name for name in NAMES if local_directory(name)]
    try:
        settled = settled_model(wanted, runs)
    except ModelError:
        settled = None
    own = bool(settled) and any(map(is_model_directory, (Path(settled), runs / settled / "model")))
    if not here and not own:
        return [Finding(TOPIC, "here", "missing", f"none in {models_folder()}", SET_UP, essential=True)]
    found = [Finding(TOPIC, "here", "ok", ", ".join(here) or wanted, essential=True)]
    if settled is None:
        said = f"there is no model '{wanted}'"
        found.append(Finding(TOPIC, "default", "missing", said, "give another --model", essential=True))
    elif settled not in NAMES and not own:
        said = f"the run {wanted} has no model yet"
        found.append(Finding(TOPIC, "default", "warning", said, "wait until it has finished, or give another --model"))
    elif settled in NAMES and settled not in here:
        advice = SET_UP if settled == DEFAULT_MODEL else "it is fetched when it is first used"
        found.append(Finding(TOPIC, "default", "warning", f"{settled} is not here yet", advice))
    return found
