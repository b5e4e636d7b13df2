from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from ui_components.app.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """A studio with empty folders."""
    (tmp_path / "configs").mkdir()
    return Studio(
        tmp_path / "runs", tmp_path / "data", tmp_path / "configs", model="base", transcripts=tmp_path / "transcripts"
    )


@dataclass(frozen=True)
class PageRequest:
    """The attributes of gr.Request that handlers read."""

    session_hash: str = "page"
    username: str | None = None


def request_from(name: str | None = None) -> Any:
    """A request of a logged-in user; without a name, of a page without login."""
    return PageRequest(username=name)


def click_event(**data: Any) -> Any:
    """The event of a clicked element, with its data attributes."""
    return SimpleNamespace(**data)


class SilentProgress(gr.Progress):
    """A progress bar that shows nothing."""

    def __call__(self, *_, **__) -> None: ...
