"""Voice activity detection with Silero's network. Its weights are shared; each stream has its own recurrent state."""

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
VAD_CONTEXT = 64  # samples of the previous window, which are part of the network's input
STATE_SHAPE = (1, 1, 128)  # of the LSTM's hidden state and of its cell state
WINDOWS_PER_CALL = 1024  # of the network; bounds the memory for long files

Probabilities = NDArray[np.float32]  # (windows,)


@cache
def _network() -> onnxruntime.InferenceSession:
    """Loads the variant of Silero that takes many windows per call; results equal those of the one-window variant."""
    package = find_spec("silero_vad")  # importing the package would import torch
    if package is None or package.origin is None:
        raise ModelError("the package silero-vad is missing; install requirements.txt again")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    path = Path(package.origin).parent / "data" / "silero_vad_16k_sequence.onnx"
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class VadStream:
    """Speech probabilities of one audio stream. They do not depend on the size of the chunks."""

    def __init__(self):
        self._hidden = np.zeros(STATE_SHAPE, np.float32)
        self._cell = np.zeros(STATE_SHAPE, np.float32)
        self._pending = np.zeros(VAD_CONTEXT, np.float32)  # the last context and an incomplete window

    def feed(self, samples: Samples) -> Probabilities:
        """Returns the speech probability of each window that the samples complete: (n,) -> (windows,)."""
        pending = np.concatenate([self._pending, samples.astype(np.float32, copy=False)])
        count = (len(pending) - VAD_CONTEXT) // VAD_WINDOW
        self._pending = pending[count * VAD_WINDOW :]
        if not count:
            return np.zeros(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(pending, VAD_CONTEXT + VAD_WINDOW)[::VAD_WINDOW]
        batches = (windows[i : i + WINDOWS_PER_CALL] for i in range(0, count, WINDOWS_PER_CALL))
        return np.concatenate([self._run(batch) for batch in batches])

    def _run(self, windows: NDArray[np.float32]) -> Probabilities:
        inputs = {"input": np.ascontiguousarray(windows), "h": self._hidden, "c": self._cell}
        probabilities, self._hidden, self._cell = _network().run(None, inputs)
        return np.asarray(probabilities, np.float32)
