from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qal.api.live_hub import LiveHub
from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples
from tests.api.live_client import TRANSPORTS, FakeEngines, LiveClient, OpenClient


@pytest.fixture(scope="session")
def speech(english_corpus) -> Samples:
    """Two utterances with pauses of 1 s around them."""
    rows = [r for r in english_corpus.select("test") if 2 < r.duration_s < 4][:2]
    pause = np.zeros(SAMPLE_RATE, np.float32)
    return np.concatenate([pause, *(x for r in rows for x in (decode(english_corpus.audio_path(r)), pause))])


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LiveHub]:
    engines: Any = FakeEngines()
    hub = LiveHub(engines, tmp_path / "runs", tmp_path / "live", lambda: {"one", "two", "broken"}, max_sessions=2)
    yield hub
    hub.close()


@pytest.fixture(params=TRANSPORTS)
def open_client(request: pytest.FixtureRequest) -> OpenClient:
    """open_client(hub, allowed) opens a client of a hub; `allowed` says whether a connection may use the server."""
    return TRANSPORTS[request.param]


@pytest.fixture
def live_client(open_client: OpenClient, hub: LiveHub) -> LiveClient:
    """A client over either transport, whose user is logged in."""
    return open_client(hub, lambda _: True)
