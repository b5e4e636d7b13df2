"""Live sessions on a simulated clock: the real scheduler and sessions, with the measured times of an engine.

The clock stands still while Python computes, and advances by the engine's time for each batch. Meanwhile the packets
that are due arrive, as they do while a worker thread of the server transcribes."""

import heapq
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from benchmarks.live.player import PACKET, Played
from benchmarks.live.spoken import PAUSE_S, Spoken, Stream
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.audio.vad import VAD_WINDOW, Probabilities
from qal.captions.scheduled import ScheduledSession
from qal.captions.scheduler import Scheduler
from qal.captions.session import CaptionSession
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance

MAX_BEHIND_S = 20.0  # of pending audio of one session, at which the engine is too slow
WORDS_PER_SECOND = 2.5
MIN_UTTERANCE_S, MAX_UTTERANCE_S = 1.0, 10.0
WORDS = tuple("".join(letters) for letters in np.random.default_rng(0).choice(list("aeioulmnprst"), (200, 5)))


class UtteranceCosts:
    """Seconds of the engine for a batch, interpolated between measured lengths.

    Args:
        measured_s: (batch, seconds of speech) -> seconds; every batch has the same lengths."""

    def __init__(self, measured_s: Mapping[tuple[int, float], float]):
        self._batches = sorted({batch for batch, _ in measured_s})
        self._lengths = sorted({length for _, length in measured_s})
        self._measured_s = measured_s

    def seconds(self, batch: int, longest_s: float) -> float:
        """Returns the time of a batch: that of the next larger one that was measured."""
        index = min(bisect_left(self._batches, batch), len(self._batches) - 1)
        times = [self._measured_s[self._batches[index], length] for length in self._lengths]
        return float(np.interp(longest_s, self._lengths, times))


class ScriptedVad:
    """Gives the speech probability 1 in the utterances of a stream, else 0."""

    def __init__(self, spoken: Sequence[Spoken]):
        self._spoken, self._samples = spoken, 0

    def feed(self, samples: Samples) -> Probabilities:
        first = self._samples // VAD_WINDOW
        self._samples += len(samples)
        middles = [(i + 0.5) * VAD_WINDOW / SAMPLE_RATE for i in range(first, self._samples // VAD_WINDOW)]
        return np.array([any(s.start_s <= at < s.end_s for s in self._spoken) for at in middles], np.float32)


class Packet(NamedTuple):
    """The arrival of a packet; the earliest comes first."""

    due_s: float
    speaker: int
    start: int  # sample


@dataclass
class SimulatedLoad:
    """The delays of all final captions."""

    delays_s: list[float] = field(default_factory=list)  # from the end of an utterance to its final caption
    lost: int = 0
    busy_share: float = 0.0  # of the time in which the engine computes
    overloaded: bool = False  # a session fell more than MAX_BEHIND_S behind, so that the simulation ended

    @property
    def p95_s(self) -> float:
        return float(np.percentile(self.delays_s, 95)) if self.delays_s else float("inf")

    def holds(self, max_p95_s: float) -> bool:
        """True if nothing was lost and 95 % of the captions came in time."""
        return not self.overloaded and not self.lost and self.p95_s <= max_p95_s


class Simulation:
    """Speakers who talk at the same time; also the engine of their scheduler.

    Args:
        costs: time of the engine for a batch.
        streams: one for each speaker.
        starts_s: when each stream begins.
        max_batch_size: of the scheduler.
        check: called often; may raise to end the simulation."""

    def __init__(
        self,
        costs: UtteranceCosts,
        streams: Sequence[Stream],
        starts_s: Sequence[float],
        max_batch_size: int,
        check: Callable[[], None] = lambda: None,
    ):
        self.now_s, self.busy_s = 0.0, 0.0
        self._costs, self._check = costs, check
        self._played = [Played(stream) for stream in streams]
        self._starts_s = starts_s
        self._scheduler = Scheduler(self, max_sessions=len(streams), workers=0, max_batch_size=max_batch_size)
        self._scheduled = [self._add(i) for i in range(len(streams))]
        self._packets = [Packet(start_s + PACKET / SAMPLE_RATE, i, 0) for i, start_s in enumerate(starts_s)]
        heapq.heapify(self._packets)
        self._overloaded = False

    def run(self) -> SimulatedLoad:
        """Plays all streams to their end."""
        while self._packets and not self._overloaded:
            self._check()
            if not self._scheduler.run_next_batch():
                self._wait_until(self._packets[0].due_s)
        while not self._overloaded and self._scheduler.run_next_batch():
            pass
        delays = [delay for played in self._played for delay in played.final_delays()]
        lost = sum(played.lost() for played in self._played)
        return SimulatedLoad(delays, lost, self.busy_s / self.now_s, self._overloaded)

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        """Takes the engine's time, during which packets arrive."""
        if not utterances:
            return []
        cost_s = self._costs.seconds(len(utterances), max(seconds(u.samples) for u in utterances))
        self.busy_s += cost_s
        self._wait_until(self.now_s + cost_s)
        return [transcript_of(u) for u in utterances]

    def _wait_until(self, time_s: float) -> None:
        """Advances the clock and delivers the packets that are due, each at its time."""
        while self._packets and self._packets[0].due_s <= time_s and not self._overloaded:
            packet = heapq.heappop(self._packets)
            self.now_s = packet.due_s
            self._feed(packet)
        self.now_s = max(self.now_s, time_s)

    def _feed(self, packet: Packet) -> None:
        scheduled, samples = self._scheduled[packet.speaker], self._played[packet.speaker].stream.samples
        if scheduled.pending_s > MAX_BEHIND_S:  # before the scheduler makes the speaker wait
            self._overloaded = True
            return
        end = packet.start + PACKET
        self._scheduler.feed(scheduled, samples[packet.start : end])
        if end < len(samples):
            heapq.heappush(self._packets, Packet(packet.due_s + PACKET / SAMPLE_RATE, packet.speaker, end))

    def _add(self, speaker: int) -> ScheduledSession:
        played, start_s = self._played[speaker], self._starts_s[speaker]
        session = CaptionSession("en", vad=ScriptedVad(played.stream.spoken))
        return self._scheduler.add(
            session, lambda captions: played.shown.extend((self.now_s - start_s, c) for c in captions)
        )


def transcript_of(utterance: Utterance) -> Transcript:
    """Makes a text as long as that of real speech, whose beginning does not change as the utterance grows."""
    count = max(1, int(seconds(utterance.samples) * WORDS_PER_SECOND))
    return Transcript(" ".join(WORDS[:count]), "en", (), avg_logprob=-0.2, no_speech_prob=0.01, context_frames=0)


def simulated_load(
    costs: UtteranceCosts,
    sessions: int,
    duration_s: float,
    max_batch_size: int,
    check: Callable[[], None] = lambda: None,
) -> SimulatedLoad:
    """Simulates speakers who begin at random times and speak utterances of random lengths with pauses."""
    rng = np.random.default_rng(sessions)
    silence = np.zeros(int((duration_s + MAX_UTTERANCE_S + 2 * PAUSE_S) * SAMPLE_RATE), np.float32)
    streams = [random_stream(duration_s, silence, rng) for _ in range(sessions)]
    starts_s = rng.uniform(0, MAX_UTTERANCE_S, sessions)
    return Simulation(costs, streams, starts_s.tolist(), max_batch_size, check).run()


def random_stream(duration_s: float, silence: Samples, rng: np.random.Generator) -> Stream:
    """Makes a stream of at least duration_s that ends with a pause; its samples are a view of `silence`."""
    spoken: list[Spoken] = []
    at_s = PAUSE_S
    while at_s < duration_s:
        end_s = at_s + rng.uniform(MIN_UTTERANCE_S, MAX_UTTERANCE_S)
        spoken.append(Spoken("", "en", at_s, end_s))
        at_s = end_s + PAUSE_S
    return Stream(silence[: int(at_s * SAMPLE_RATE)], tuple(spoken))


def largest_that_holds(holds: Callable[[int], bool], limit: int) -> int:
    """Returns the largest number up to the limit for which `holds` is true, to an eighth; 0 if it is false for 1.

    Doubles the number until it does not hold, then halves the interval."""
    good, bad = 0, 1
    while bad <= limit and holds(bad):
        good, bad = bad, 2 * bad
    bad = min(bad, limit + 1)
    while bad - good > max(1, good // 8):
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good
