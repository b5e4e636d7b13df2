"""Qal's own folder: commands are run there, wherever the server was started."""

from pathlib import Path

ROOT = Path(__file__).parent.parent


def from_root(path: Path) -> Path:
    """As a command that is run there must name it."""
    whole = path.absolute()
    return whole.relative_to(ROOT) if whole.is_relative_to(ROOT) else whole
