import subprocess
import sys

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.audio.vad import VAD_WINDOW, WINDOWS_PER_CALL, VadStream
from qal.corpus.manifest import Corpus
from tests.fakes import noise


@pytest.fixture(scope="module")
def speech(english_corpus: Corpus):
    row = next(row for row in english_corpus.rows if 3 < row.duration_s < 6)
    return decode(english_corpus.audio_path(row))


@pytest.mark.parametrize("chunk", [7, 160, VAD_WINDOW, 4096])
def test_vad_probabilities_do_not_depend_on_chunk_size(speech, chunk: int):
    expected = VadStream().feed(speech)
    stream = VadStream()
    chunked = np.concatenate([stream.feed(speech[i : i + chunk]) for i in range(0, len(speech), chunk)])
    assert len(expected) == len(speech) // VAD_WINDOW
    np.testing.assert_allclose(chunked, expected, atol=1e-4)


def test_recurrent_state_continues_across_calls_of_the_network(speech):
    long = np.tile(speech, 2 + WINDOWS_PER_CALL * VAD_WINDOW // len(speech))
    stream = VadStream()
    chunked = np.concatenate([stream.feed(long[i : i + SAMPLE_RATE]) for i in range(0, len(long), SAMPLE_RATE)])
    np.testing.assert_allclose(VadStream().feed(long), chunked, atol=1e-4)


def test_streams_do_not_share_recurrent_state(speech):
    alone = VadStream().feed(speech)
    first, second = VadStream(), VadStream()
    interleaved = []
    for i in range(0, len(speech), 1600):
        interleaved.append(first.feed(speech[i : i + 1600]))
        second.feed(noise(1600, seed=i))
    np.testing.assert_allclose(np.concatenate(interleaved), alone, atol=1e-4)


def test_speech_has_higher_probability_than_silence_and_noise(speech):
    silence = np.zeros(3 * SAMPLE_RATE, np.float32)
    assert np.median(VadStream().feed(speech)) > 0.9
    assert VadStream().feed(silence).max() < 0.3
    assert VadStream().feed(noise(3 * SAMPLE_RATE)).max() < 0.5


def test_incomplete_window_gives_no_probability():
    stream = VadStream()
    assert len(stream.feed(np.zeros(0, np.float32))) == 0
    assert len(stream.feed(np.zeros(VAD_WINDOW - 1, np.float32))) == 0
    assert len(stream.feed(np.zeros(1, np.float32))) == 1


def test_vad_does_not_import_torch():
    code = "import sys, numpy; from qal.audio.vad import VadStream; VadStream().feed(numpy.zeros(512));"
    code += "print('torch' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"
