import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from augmentation.options import AugmentationOptions
from augmentation.preview import ORIGINAL, TOGETHER, picture, png, preview, write_preview, write_wav
from qal.audio.decode import decode
from tests.fakes import noise

ROOT = Path(__file__).parent.parent.parent
OPTIONS = AugmentationOptions.model_validate({"preset": "light"})


def test_a_preview_shows_each_transform_that_is_on_and_all_together():
    found = preview(noise(8000), OPTIONS)
    assert [a.name for a in found] == [ORIGINAL, "gain", "noise", "band", "tempo", TOGETHER]
    assert np.array_equal(found[0].samples, noise(8000))
    assert all(not np.array_equal(a.samples, found[0].samples) for a in found[1:])
    again = preview(noise(8000), OPTIONS)
    assert all(np.array_equal(a.mel, b.mel) for a, b in zip(found, again, strict=True))


def test_sounds_and_pictures_are_written(tmp_path: Path):
    found = preview(noise(8000), OPTIONS)
    paths = write_preview(found, tmp_path / "new" / "folder")
    assert [p.suffix for p in paths] == [".wav", *[".wav", ".png"] * (len(found) - 1)]
    assert np.allclose(decode(paths[0]), found[0].samples, atol=1e-4)


def test_a_picture_comes_back_from_its_png(tmp_path: Path):
    drawn = picture(*np.random.default_rng(0).normal(size=(2, 80, 50)).astype(np.float32))
    (tmp_path / "x.png").write_bytes(png(drawn))
    with av.open(str(tmp_path / "x.png")) as file:
        (frame,) = file.decode(video=0)
        assert np.array_equal(frame.to_ndarray(format="rgb24"), drawn)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["gone.wav"], "no such file"), (["a.wav", "--noises", "gone"], "no such folder of sounds")],
    ids=["file", "folder"],
)
def test_wrong_input_is_one_sentence(arguments: list[str], sentence: str, tmp_path: Path):
    write_wav(tmp_path / "a.wav", noise(8000))
    command = [sys.executable, "-m", "qal", "augment", "preview", *arguments, "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_it_wrote(tmp_path: Path):
    write_wav(tmp_path / "a.wav", noise(8000))
    command = [sys.executable, "-m", "qal", "augment", "preview", "a.wav", "--out", "out", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert TOGETHER in json.loads(done.stdout.splitlines()[-1])["transforms"]
