import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from augmentation.options import AugmentationOptions
from augmentation.preview import ORIGINAL, TOGETHER, comparison_picture, encode_png, preview, write_preview
from qal.audio.blocks import write_wav
from qal.audio.decode import decode
from tests.fakes import noise

ROOT = Path(__file__).parent.parent.parent
OPTIONS = AugmentationOptions.model_validate({"preset": "light"})


def test_preview_has_each_enabled_transform_and_all_together():
    clips = preview(noise(8000), OPTIONS)
    assert [a.name for a in clips] == [ORIGINAL, "gain", "noise", "band", "tempo", TOGETHER]
    assert np.array_equal(clips[0].samples, noise(8000))
    assert all(not np.array_equal(a.samples, clips[0].samples) for a in clips[1:])
    again = preview(noise(8000), OPTIONS)
    assert all(np.array_equal(a.mel, b.mel) for a, b in zip(clips, again, strict=True))


def test_write_preview_writes_wav_files_and_pictures(tmp_path: Path):
    clips = preview(noise(8000), OPTIONS)
    paths = write_preview(clips, tmp_path / "new" / "folder")
    assert [p.suffix for p in paths] == [".wav", *[".wav", ".png"] * (len(clips) - 1)]
    assert np.allclose(decode(paths[0]), clips[0].samples, atol=1e-4)


def test_encoded_png_decodes_to_the_same_pixels(tmp_path: Path):
    pixels = comparison_picture(*np.random.default_rng(0).normal(size=(2, 80, 50)).astype(np.float32))
    (tmp_path / "x.png").write_bytes(encode_png(pixels))
    with av.open(str(tmp_path / "x.png")) as file:
        (frame,) = file.decode(video=0)
        assert np.array_equal(frame.to_ndarray(format="rgb24"), pixels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["gone.wav"], "no such file"), (["a.wav", "--noises", "gone"], "no such folder of sounds")],
    ids=["file", "folder"],
)
def test_augment_preview_reports_unusable_input_in_one_line(arguments: list[str], message: str, tmp_path: Path):
    write_wav(tmp_path / "a.wav", noise(8000))
    command = [sys.executable, "-m", "qal", "augment", "preview", *arguments, "--out", "out"]
    process = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert process.returncode == 2
    assert message in process.stderr
    assert process.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_augment_preview_prints_the_transforms_as_json(tmp_path: Path):
    write_wav(tmp_path / "a.wav", noise(8000))
    command = [sys.executable, "-m", "qal", "augment", "preview", "a.wav", "--out", "out", "--json"]
    process = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert TOGETHER in json.loads(process.stdout.splitlines()[-1])["transforms"]
