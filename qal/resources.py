"""Paths of the files that are shipped with Qal: presets, adapters and the pinned requirements."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def resource(name: str) -> Path:
    """Returns the path of a shipped file or folder: inside the installed package, or at the top of a checkout."""
    installed = PACKAGE / name
    return installed if installed.exists() else PACKAGE.parent / name


CONFIGS = resource("configs")  # one YAML file per preset
ADAPTERS = resource("adapters")  # one folder per adapter
REQUIREMENTS = resource("requirements.txt")
