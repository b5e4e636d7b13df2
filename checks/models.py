"""Which models are on this machine."""

import os
from pathlib import Path

from checks.findings import Finding

TOPIC = "Models"
SET_UP = "run `make setup` once"


def model_findings(wanted: str, runs: Path) -> list[Finding]:
    """`wanted`: the model that a page begins with, a catalogue name, a run's id or a directory."""
    from engine.catalogue import DEFAULT_MODEL, NAMES, local_directory, models_folder
    from engine.model_directory import is_model_directory

    here = [name for name in NAMES if local_directory(name)]
    given = Path(os.path.expanduser(wanted))
    own = any(map(is_model_directory, (given, given / "model", runs / given.name / "model")))
    is_run = (runs / given.name / "config.yaml").is_file()  # whose model may come
    if not here and not own:
        return [Finding(TOPIC, "here", "missing", f"none in {models_folder()}", SET_UP, essential=True)]
    found = [Finding(TOPIC, "here", "ok", ", ".join(here) or wanted, essential=True)]
    if wanted not in NAMES and not own:
        said = f"there is no model '{wanted}'"
        state = "warning" if is_run else "missing"
        found.append(Finding(TOPIC, "default", state, said, "give another --model", essential=not is_run))
    if wanted in NAMES and wanted not in here:
        advice = SET_UP if wanted == DEFAULT_MODEL else "it is fetched when it is first used"
        found.append(Finding(TOPIC, "default", "warning", f"{wanted} is not here yet", advice))
    return found
