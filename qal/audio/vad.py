"""Voice activity: Silero's network, its weights shared by all and its recurrent state private to a stream."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.errors import ModelError

VAD_WINDOW = 512  # samples
VAD_WINDOW_MS = 1000 * VAD_WINDOW // SAMPLE_RATE  # 32
VAD_CONTEXT = 64  # samples of the window before that the network hears too
STATE = (1, 1, 128)  # of the LSTM's hidden and cell state
BLOCK_WINDOWS = 1024  # in one run of the network, so that a long file takes little memory

Probabilities = NDArray[np.float32]  # (windows,)


@cache
def _network() -> onnxruntime.InferenceSession:
    """The form of Silero that takes many windows at once; it gives the same figures as one by one."""
    package = find_spec("silero_vad")  # found, not imported: importing it would import torch
    if package is None or package.origin is None:
        raise ModelError("the package silero-vad is missing; install requirements.txt again")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    path = Path(package.origin).parent / "data" / "silero_vad_16k_sequence.onnx"
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class VadStream:
    """Speech probabilities of one stream of sound; the size of the chunks never changes them."""

    def __init__(self):
        self._hidden = np.zeros(STATE, np.float32)
        self._cell = np.zeros(STATE, np.float32)
        self._pending = np.zeros(VAD_CONTEXT, np.float32)  # the last context and what is not yet a window

    def feed(self, samples: Samples) -> Probabilities:
        """(n,) -> the probability of speech in each window that became complete, in order."""
        pending = np.concatenate([self._pending, samples.astype(np.float32, copy=False)])
        count = (len(pending) - VAD_CONTEXT) // VAD_WINDOW
        self._pending = pending[count * VAD_WINDOW :]
        if not count:
            return np.zeros(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(pending, VAD_CONTEXT + VAD_WINDOW)[::VAD_WINDOW]
        blocks = (windows[i : i + BLOCK_WINDOWS] for i in range(0, count, BLOCK_WINDOWS))
        return np.concatenate([self._run(block) for block in blocks])

    def _run(self, windows: NDArray[np.float32]) -> Probabilities:
        inputs = {"input": np.ascontiguousarray(windows), "h": self._hidden, "c": self._cell}
        probabilities, self._hidden, self._cell = _network().run(None, inputs)
        return np.asarray(probabilities, np.float32)
