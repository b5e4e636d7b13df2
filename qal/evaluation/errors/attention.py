"""The cross-attention of a model over one recording: where it looks while it writes each token.

CTranslate2 does not give the weights of the attention, so that they are computed by Transformers, in a process of its
own (`qal evaluate attention`), which writes them to a file. This module starts that process and reads the file."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qal.errors import EvaluationError, StorageError
from qal.storage import storage_errors

TIMEOUT_S = 300  # loading torch and the weights takes most of it
COMMAND = (sys.executable, "-m", "qal", "evaluate", "attention")


@dataclass(frozen=True)
class CrossAttention:
    """Attention of each token over the encoder's positions.

    `weights` has the shape (tokens, positions); each line is the mean over the heads that follow the audio, and adds up
    to 1."""

    tokens: tuple[str, ...]
    weights: np.ndarray
    position_s: float  # seconds of audio of one position


def attention_command(model: str, audio: Path, text: str, language: str, out: Path) -> list[str]:
    """Returns the command that computes the attention; see `compute_attention`."""
    return [*COMMAND, model, str(audio), f"--text={text}", f"--language={language}", f"--out={out}"]


def compute_attention(model: str, audio: Path, text: str, language: str, out: Path) -> CrossAttention:
    """Computes the attention in a process of its own.

    Args:
        model: a model's name, run or directory.
        audio: the recording, at most 30 s.
        text: the transcript, or the reference.
        language: its language code.
        out: file to write, .npz.

    Raises:
        EvaluationError: the process failed, or took too long; the message is its own.
    """
    command = attention_command(model, audio, text, language, out)
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise EvaluationError(f"the attention was not computed within {TIMEOUT_S} s; choose a smaller model") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it ended without a message"]
        raise EvaluationError(f"the attention could not be computed: {lines[-1].removeprefix('error: ')}")
    return read_attention(out)


def write_attention(path: Path, attention: CrossAttention) -> None:
    """Writes the attention as .npz. Raises StorageError."""
    with storage_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                tokens=np.array(attention.tokens, np.str_),
                weights=attention.weights.astype(np.float32),
                position_s=attention.position_s,
            )


def read_attention(path: Path) -> CrossAttention:
    """Reads the attention. Raises EvaluationError if the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            tokens = tuple(map(str, stored["tokens"]))
            return CrossAttention(tokens, stored["weights"], float(stored["position_s"]))
    except (OSError, ValueError, KeyError, StorageError) as error:
        raise EvaluationError(f"{path}: missing or damaged; compute the attention again") from error
