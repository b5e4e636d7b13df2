from pathlib import Path

import pytest

from qal.api.audience.hub import AudienceHub
from qal.captions.record import make_private


@pytest.fixture
def live(tmp_path: Path) -> Path:
    make_private(tmp_path / "live")
    return tmp_path / "live"


@pytest.fixture
def hub(live: Path) -> AudienceHub:
    return AudienceHub(live)
