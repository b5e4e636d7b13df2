"""Fixtures of the tests of transcription: a store and a scripted stream."""

from pathlib import Path

import pytest

from qal.transcription.store import TranscriptStore
from tests.transcription.streams import FolderEngine, ScriptedStream, scripted_model, use_scripted_streams


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> ScriptedStream:
    return use_scripted_streams(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> TranscriptStore:
    return TranscriptStore(tmp_path / "transcripts")


@pytest.fixture
def engine(tmp_path: Path) -> FolderEngine:
    return scripted_model(tmp_path / "model")
