"""The memory of a file of many hours, through the command line that users type."""

import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from benchmarks.batch.recordings import Recording, joined
from benchmarks.memory import watched
from qal.audio.samples import SAMPLE_RATE, Samples, to_pcm16
from qal.subcommand import qal_command

SILENCE_MINUTES = 9.0  # after each minute of speech: the memory depends on the duration, the time on the speech


def long_file_figures(model: str, utterances: Sequence[Recording], hours: float) -> dict[str, float]:
    """Writes a file of many hours, transcribes it, and returns the peak memory and the speed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "long.flac"
        write_long_file(path, joined(utterances).samples, hours)
        command = qal_command("transcribe", model, str(path), "--format", "srt", "--out", str(folder / "out"))
        started = time.perf_counter()
        job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder)
        _, peak_mb = watched(job)
        took_s = time.perf_counter() - started
        written = list((folder / "out").glob("*.srt"))
        cues = written[0].read_text(encoding="utf-8").count("-->") if written else 0
    return {
        "memory_hours": hours,
        "memory_peak_mb": round(peak_mb),
        "memory_audio_s_per_s": round(3600 * hours / took_s, 1),
        "memory_cues": cues,
        "memory_exit_code": job.returncode,
    }


def write_long_file(path: Path, speech: Samples, hours: float) -> None:
    """Writes minutes of speech with silence between them as FLAC."""
    minute = to_pcm16(speech[: 60 * SAMPLE_RATE])
    silence = np.zeros(int(SILENCE_MINUTES * 60 * SAMPLE_RATE), np.int16)
    block = np.concatenate([minute, silence])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        for _ in range(max(1, round(hours * 3600 * SAMPLE_RATE / len(block)))):
            frame = av.AudioFrame.from_ndarray(block[None, :].astype(np.int16), "s16", "mono")
            frame.sample_rate = SAMPLE_RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
