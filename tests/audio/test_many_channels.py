"""Files with up to 64 channels are decoded, in a process of their own because a fault would end it with a signal."""

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from tests.sounds import sine, write_audio, write_float_audio

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from qal.audio.analysis import analyse
from qal.audio.blocks import convert_to_wav, read_time_range, trim_to_wav
from qal.audio.decode import decode
path, copy = Path(sys.argv[1]), Path(sys.argv[1]).with_name("copy.wav")
samples = decode(path)
np.save(sys.argv[2], samples)
assert np.array_equal(read_time_range(path, 0, 9), samples)
convert_to_wav(path, copy, 60)
trim_to_wav(path, copy, 0, 0.5)
print(analyse(path).audio_format.channels)
"""


def decoded(path: Path) -> tuple[int, np.ndarray]:
    """Returns the number of channels and the decoded samples of a file, after all readers have read it."""
    samples = path.with_name("samples.npy")
    command = [sys.executable, "-c", SCRIPT, str(path), str(samples)]
    process = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert process.returncode == 0, process.stderr
    return int(process.stdout), np.load(samples)


@pytest.mark.parametrize("write", [write_audio, write_float_audio])
@pytest.mark.parametrize("channels", [7, 8, 9, 16, 64])
def test_wav_of_many_channels_is_mixed_and_does_not_crash_the_process(tmp_path, channels, write):
    sound = sine(440, 2, 16_000, 0.5)
    count, samples = decoded(write(tmp_path / "x.wav", np.stack([sound] * channels)))
    assert count == channels
    assert np.allclose(samples, sound, atol=1e-3)


@pytest.mark.parametrize(("suffix", "codec"), [("m4a", "aac"), ("flac", "flac"), ("opus", "libopus")])
def test_compressed_audio_of_eight_channels_is_mixed_and_does_not_crash_the_process(tmp_path, suffix, codec):
    sound = sine(440, 2, 48_000, 0.25)
    path = tmp_path / f"x.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000, layout="7.1")
        frame = av.AudioFrame.from_ndarray(np.repeat(sound, 8)[None], "flt", "7.1")
        frame.sample_rate = 48_000
        for part in (frame, None):
            container.mux(stream.encode(part))
    count, samples = decoded(path)
    assert count == 8
    middle = samples[8_000:24_000]
    assert 0.8 < np.sqrt(np.mean(middle**2)) / (0.25 / np.sqrt(2)) < 1.1
