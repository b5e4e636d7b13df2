"""Streams played into sessions in real time, with the time of each shown caption."""

import threading
import time
from dataclasses import dataclass, field

import numpy as np
import psutil

from benchmarks.live.spoken import Stream
from qal.audio.gate import DEFAULT_GATE, GateOptions
from qal.audio.samples import SAMPLE_RATE
from qal.captions.final_captions import Caption
from qal.captions.scheduler import Scheduler
from qal.captions.session import CaptionSession
from qal.text.normalisation.basic import normalise_basic

PACKET = 1024  # samples, as the page sends them


@dataclass
class Played:
    """Times are seconds since the stream's first sample was due."""

    stream: Stream
    shown: list[tuple[float, Caption]] = field(default_factory=list)
    closed: list[float] = field(default_factory=list)  # times at which the gate closed
    handled_s: list[float] = field(default_factory=list)  # seconds, one for each packet

    def finals(self) -> list[tuple[float, Caption]]:
        return [(at, c) for at, c in self.shown if c.final and c.text]

    def final_delays(self) -> list[float]:
        """From the true end of each utterance to the final text that holds its end; lost ones are left out."""
        delays = []
        for spoken in self.stream.spoken:
            times = [at for at, c in self.finals() if c.start_s < spoken.end_s and c.end_s > spoken.end_s - 0.7]
            delays += [times[0] - spoken.end_s] if times else []
        return delays

    def lost(self) -> int:
        return len(self.stream.spoken) - len(self.final_delays())

    def after_closing(self) -> list[float]:
        """From the closing of the gate to the final text."""
        return [at - before[-1] for at, _ in self.finals() if (before := [t for t in self.closed if t <= at + 1e-6])]

    def flicker(self) -> float:
        """Words that changed after they were shown / words of the finals."""
        changed, words, before = 0, 0, {}
        for _, caption in self.shown:
            now, then = normalise_basic(caption.text).split(), before.get(caption.index, [])
            changed += sum(1 for i, word in enumerate(then) if i >= len(now) or now[i] != word)
            before[caption.index] = now
            words += len(now) if caption.final else 0
        return changed / max(1, words)

    def word_delays(self, ends: list[list[tuple[str, float]]]) -> list[float]:
        """From a word's spoken end to its first appearance, for the words that appear at all."""
        delays = []
        for words, spoken in zip(ends, self.stream.spoken, strict=True):
            here = [
                (at, normalise_basic(c.text).split())
                for at, c in self.shown
                if spoken.start_s - 0.5 < c.start_s < spoken.end_s
            ]
            for i, (word, end_s) in enumerate(words):
                nth = [w for w, _ in words[: i + 1]].count(word)
                times = [at for at, text in here if text.count(word) >= nth]
                delays += [times[0] - end_s] if times else []
        return delays


def play(
    scheduler: Scheduler, streams: list[Stream], language: str | None, gate: GateOptions = DEFAULT_GATE
) -> tuple[list[Played], float]:
    """Plays each stream into a session of its own, at once; returns the captions, and CPU seconds per audio second."""
    played = [Played(stream) for stream in streams]
    process, began_cpu = psutil.Process(), cpu_seconds(psutil.Process())
    began = time.perf_counter() + 0.2
    threads = [
        threading.Thread(target=_speak, args=(scheduler, p, CaptionSession(language, gate), began)) for p in played
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return played, (cpu_seconds(process) - began_cpu) / sum(s.duration_s for s in streams)


def _speak(scheduler: Scheduler, played: Played, session: CaptionSession, began: float) -> None:
    def show(captions: list[Caption]) -> None:
        played.shown.extend((time.perf_counter() - began, c) for c in captions)

    scheduled = scheduler.add(session, show)
    samples, was_open = played.stream.samples, False
    for start in range(0, len(samples), PACKET):
        packet = samples[start : start + PACKET]
        due = began + (start + len(packet)) / SAMPLE_RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        took = time.perf_counter()
        scheduler.feed(scheduled, packet)
        played.handled_s.append(time.perf_counter() - took)
        if was_open and not session.level.gate_open:
            played.closed.append(took - began)
        was_open = session.level.gate_open
    scheduler.flush(scheduled)
    scheduler.remove(scheduled)


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def percentiles(values: list[float], unit: float = 1000.0) -> dict[str, float]:
    """The 50th and 95th percentile, in milliseconds unless `unit` differs."""
    return {f"p{q}": round(unit * float(np.percentile(values, q)), 1) for q in (50, 95)} if values else {}
