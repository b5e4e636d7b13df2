from dataclasses import dataclass
from pathlib import Path

import pytest

from ui_components.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """An empty studio in a folder of its own."""
    (tmp_path / "configs").mkdir()
    return Studio(tmp_path / "runs", tmp_path / "data", tmp_path / "configs", model="base")


@dataclass(frozen=True)
class PageRequest:
    """What a handler reads of gr.Request."""

    session_hash: str = "page"
