"""DNSMOS P.835: the opinion that listeners would have of speech, predicted by a network (Reddy et al. 2022).

The network comes with the package `speechmos`, which is not imported: that would import librosa."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime

from qal.audio.samples import SAMPLE_RATE, Samples

INPUT_SAMPLES = int(9.01 * SAMPLE_RATE)
HOP_SAMPLES = 4 * SAMPLE_RATE  # between the windows of long audio; the reference takes every second
MAX_WINDOWS = 4
OVERALL = np.poly1d([-0.06766283, 1.11546468, 0.04602535])  # from the network's output to the scale of 1 to 5


def is_available() -> bool:
    """True if the network is on this machine."""
    return _model_path() is not None


def overall_opinion(samples: Samples) -> float | None:
    """Returns the predicted overall opinion, about 1 (bad) to 5 (excellent).

    Short audio is repeated up to the network's 9 s, as in the reference; of long audio some windows are read.

    Args:
        samples: (n,) at 16 kHz.

    Returns:
        the mean over the windows; None if the network is missing or there is no audio."""
    if not is_available() or not len(samples):
        return None
    if len(samples) < INPUT_SAMPLES:
        samples = np.tile(samples, -(-INPUT_SAMPLES // len(samples)))[:INPUT_SAMPLES]
    starts = range(0, len(samples) - INPUT_SAMPLES + 1, HOP_SAMPLES)[:MAX_WINDOWS]
    windows = np.stack([samples[start : start + INPUT_SAMPLES] for start in starts]).astype(np.float32)
    raw = [_network().run(None, {"input_1": window[None]})[0] for window in windows]
    return float(np.mean([OVERALL(np.asarray(opinions)[0, 2]) for opinions in raw]))


def _model_path() -> Path | None:
    package = find_spec("speechmos")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "dnsmos_models" / "sig_bak_ovr.onnx"
    return path if path.is_file() else None


@cache
def _network() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(_model_path()), options, providers=["CPUExecutionProvider"])
