"""A studio whose queue transcribes scripted sounds with a scripted model."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.transcription.streams import scripted_model, use_scripted_streams, write_sound
from tests.ui_components.conftest import request_from
from ui_components.app.studio import Studio
from ui_components.transcribe.start import actions as start_actions
from ui_components.transcribe.start.form import ADVANCED, FileOptions
from ui_components.widgets.forms import component_values

StartFiles = Callable[..., str]


@pytest.fixture
def start_files(studio: Studio, tmp_path, monkeypatch: pytest.MonkeyPatch) -> StartFiles:
    """start_files("a.wav", user="anna") transcribes a file of the server, and returns its id in the queue."""
    use_scripted_streams(monkeypatch)
    engine: Any = scripted_model(tmp_path / "model")
    monkeypatch.setattr(Studio, "_load_file_engine", lambda self, options: engine)
    monkeypatch.setattr(start_actions, "allowed_models", lambda runs, model: {"base"})
    settings = list(component_values(ADVANCED, FileOptions()))

    def start(name: str = "a.wav", user: str | None = None, seconds: int = 4, wait: bool = True) -> str:
        path = write_sound(studio.data / "sounds" / name, seconds, take=len(name))
        form = ("server", None, str(path), None, "base", "en", "transcribe")
        started = start_actions.start(studio, *form, request_from(user), *settings)
        assert not wait or studio.file_queue.wait(20)
        return started.opened

    return start
