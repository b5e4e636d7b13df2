"""Files that are delivered with Qal: presets, shipped adapters, the pinned requirements."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def resource(name: str) -> Path:
    """The path of a delivered file or folder: inside the installed package, or at the top of a checkout."""
    inside = PACKAGE / name
    return inside if inside.exists() else PACKAGE.parent / name


CONFIGS = resource("configs")  # a YAML file a preset
ADAPTERS = resource("adapters")  # a folder an adapter
REQUIREMENTS = resource("requirements.txt")
