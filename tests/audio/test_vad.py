import subprocess
import sys

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.audio.vad import BLOCK_WINDOWS, VAD_WINDOW, VadStream
from qal.corpus.manifest import Corpus
from tests.fakes import noise


@pytest.fixture(scope="module")
def speech(english_corpus: Corpus):
    row = next(row for row in english_corpus.rows if 3 < row.duration_s < 6)
    return decode(english_corpus.audio_path(row))


@pytest.mark.parametrize("chunk", [7, 160, VAD_WINDOW, 4096])
def test_probabilities_do_not_depend_on_chunk_size(speech, chunk: int):
    whole = VadStream().feed(speech)
    stream = VadStream()
    parts = np.concatenate([stream.feed(speech[i : i + chunk]) for i in range(0, len(speech), chunk)])
    assert len(whole) == len(speech) // VAD_WINDOW
    np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_files_longer_than_a_block_go_on_where_the_block_ended(speech):
    long = np.tile(speech, 2 + BLOCK_WINDOWS * VAD_WINDOW // len(speech))
    stream = VadStream()
    parts = np.concatenate([stream.feed(long[i : i + SAMPLE_RATE]) for i in range(0, len(long), SAMPLE_RATE)])
    np.testing.assert_allclose(VadStream().feed(long), parts, atol=1e-4)


def test_two_streams_do_not_hear_each_other(speech):
    alone = VadStream().feed(speech)
    first, second = VadStream(), VadStream()
    mixed = []
    for i in range(0, len(speech), 1600):
        mixed.append(first.feed(speech[i : i + 1600]))
        second.feed(noise(1600, seed=i))
    np.testing.assert_allclose(np.concatenate(mixed), alone, atol=1e-4)


def test_speech_is_told_from_silence_and_noise(speech):
    silence = np.zeros(3 * SAMPLE_RATE, np.float32)
    assert np.median(VadStream().feed(speech)) > 0.9
    assert VadStream().feed(silence).max() < 0.3
    assert VadStream().feed(noise(3 * SAMPLE_RATE)).max() < 0.5


def test_nothing_gives_nothing():
    stream = VadStream()
    assert len(stream.feed(np.zeros(0, np.float32))) == 0
    assert len(stream.feed(np.zeros(VAD_WINDOW - 1, np.float32))) == 0
    assert len(stream.feed(np.zeros(1, np.float32))) == 1


def test_voice_activity_needs_no_torch():
    code = "import sys, numpy; from qal.audio.vad import VadStream; VadStream().feed(numpy.zeros(512));"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
