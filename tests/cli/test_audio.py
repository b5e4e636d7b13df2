"""`qal audio` measures all files before it reports the errors, and its JSON has no NaN."""

import json

import numpy as np
import pytest

from qal.cli.subcommands import audio
from qal.errors import AudioDecodeError
from tests.fakes import noise
from tests.sounds import sine, write_audio


@pytest.fixture
def files(tmp_path) -> list[str]:
    (tmp_path / "bad.wav").write_text("no audio")
    write_audio(tmp_path / "good.wav", sine(440, 1, amplitude=0.5))
    write_audio(tmp_path / "zeros.wav", np.zeros(16_000, np.float32))
    return [str(tmp_path / name) for name in ("bad.wav", "good.wav", "missing.wav", "zeros.wav")]


def test_all_files_are_measured_before_the_errors(files, capsys):
    with pytest.raises(AudioDecodeError, match=r"missing\.wav: there is no such file"):
        audio.main([*files, "--json"])
    shown = capsys.readouterr()
    assert [json.loads(line)["file"] for line in shown.out.splitlines()] == [files[1], files[3]]
    assert "error: bad.wav: not readable as audio" in shown.err


def test_json_has_no_nan_and_no_infinity(files, capsys):
    audio.main([files[3], files[1], "--json"])

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    for line in capsys.readouterr().out.splitlines():
        json.loads(line, parse_constant=refuse)


def test_channels_that_cancel_are_noted(tmp_path, capsys):
    voice = 0.5 * noise(32_000)
    path = write_audio(tmp_path / "inverted.wav", np.stack([voice, -voice]))
    audio.main([str(path)])
    assert "its channels cancel each other out" in capsys.readouterr().out
