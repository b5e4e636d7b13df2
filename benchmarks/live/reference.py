"""A plain system for comparison: the same gate, and faster-whisper on each finished segment."""

import queue
import threading
import time
from pathlib import Path

import faster_whisper

from benchmarks.live.player import PACKET, Played
from benchmarks.live.spoken import Stream
from qal.audio.gate import GateOptions
from qal.audio.samples import SAMPLE_RATE
from qal.audio.vad import VadStream
from qal.captions.final_captions import Caption
from qal.captions.segmenter import Segmenter, SpeechSegment


def load_reference(directory: Path) -> faster_whisper.WhisperModel:
    return faster_whisper.WhisperModel(str(directory), device="cpu", compute_type="int8")


def play_reference(model: faster_whisper.WhisperModel, stream: Stream, language: str | None) -> Played:
    """Plays a stream in real time; greedy decoding runs in a thread of its own, so that packets are never late."""
    played, segmenter, vad = Played(stream), Segmenter(GateOptions()), VadStream()
    waiting: queue.SimpleQueue[SpeechSegment | None] = queue.SimpleQueue()
    began = time.perf_counter() + 0.2

    def decode() -> None:
        while (segment := waiting.get()) is not None:
            parts, _ = model.transcribe(segment.samples, language=language, beam_size=1)
            text = " ".join(part.text.strip() for part in parts)
            caption = Caption(segment.index, segment.start_s, segment.end_s, text, final=True)
            played.shown.append((time.perf_counter() - began, caption))

    worker = threading.Thread(target=decode)
    worker.start()
    for start in range(0, len(stream.samples), PACKET):
        packet = stream.samples[start : start + PACKET]
        time.sleep(max(0.0, began + (start + len(packet)) / SAMPLE_RATE - time.perf_counter()))
        for segment in segmenter.feed(packet, vad.feed(packet)):
            played.closed.append(time.perf_counter() - began)
            waiting.put(segment)
    for segment in segmenter.flush():
        waiting.put(segment)
    waiting.put(None)
    worker.join()
    return played
