from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ui_components.app.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """An empty studio in a folder of its own."""
    (tmp_path / "configs").mkdir()
    return Studio(tmp_path / "runs", tmp_path / "data", tmp_path / "configs", model="base")


@dataclass(frozen=True)
class PageRequest:
    """What a handler reads of gr.Request."""

    session_hash: str = "page"
    username: str | None = None


def asked_by(name: str | None = None) -> Any:
    """The request of somebody who has logged in, or of anybody where nobody does."""
    return PageRequest(username=name)


def pressed(**data: Any) -> Any:
    """What a handler reads of gr.EventData."""
    return SimpleNamespace(**data)
