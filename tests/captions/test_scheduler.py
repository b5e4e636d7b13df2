import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from qal.audio.gate import GateOptions
from qal.audio.samples import Samples
from qal.audio.vad import VAD_WINDOW
from qal.captions import scheduler as scheduler_module
from qal.captions.captioner import Captioner
from qal.captions.final_captions import Caption
from qal.captions.options import SessionOptions
from qal.captions.scheduler import BusyError, Scheduler
from qal.captions.segmenter import SpeechSegment
from qal.captions.session import CaptionSession, Request, RequestKind
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from tests.fakes import ScriptedEngine, ScriptedVad, noise, vad_probabilities
from tests.waiting import wait_until

GATE = GateOptions(pre_roll_ms=64, post_roll_ms=32, min_speech_ms=64, hang_over_ms=128)
PROBABILITIES = vad_probabilities((5, 0), (80, 0.9), (9, 0), (40, 0.9), (9, 0))
NO_TENTATIVES = SessionOptions(tentative_every_s=0)


@dataclass
class GatedEngine(ScriptedEngine):
    """Waits for `released` before each batch; records the batch sizes."""

    released: threading.Event = field(default_factory=threading.Event)
    batch_sizes: list[int] = field(default_factory=list)

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        self.released.wait(10)
        self.batch_sizes.append(len(utterances))
        return super().transcribe(utterances, options)


def new_session(options: SessionOptions = NO_TENTATIVES) -> CaptionSession:
    return CaptionSession("en", GATE, options, ScriptedVad(PROBABILITIES))


def random_samples(seed: int) -> Samples:
    return np.random.default_rng(seed).normal(0, 0.1, len(PROBABILITIES) * VAD_WINDOW).astype(np.float32)


def finals(captions: list[Caption]) -> list[Caption]:
    return [c for c in captions if c.final]


@pytest.fixture
def engine():
    return GatedEngine()


@pytest.fixture
def scheduler(engine: GatedEngine):
    scheduler = Scheduler(engine, max_sessions=8)
    yield scheduler
    engine.released.set()
    scheduler.close()


def play(scheduler: Scheduler, samples: Samples, options: SessionOptions = NO_TENTATIVES, chunk: int = 1600):
    captions: list[Caption] = []
    session = scheduler.add(new_session(options), captions.extend)
    for i in range(0, len(samples), chunk):
        scheduler.feed(session, samples[i : i + chunk])
    return session, captions


def play_to_end(scheduler: Scheduler, samples: Samples) -> list[Caption]:
    session, captions = play(scheduler, samples)
    scheduler.flush(session)
    return captions


@pytest.mark.parametrize("options", [NO_TENTATIVES, SessionOptions(), SessionOptions(speculate=False)])
def test_concurrent_sessions_get_the_same_final_captions_as_alone(engine, scheduler, options):
    engine.released.set()
    playing = [play(scheduler, random_samples(i), options) for i in range(8)]
    for i, (session, captions) in enumerate(playing):
        scheduler.flush(session)
        alone = Captioner(ScriptedEngine(), "en", GATE, NO_TENTATIVES, ScriptedVad(PROBABILITIES))
        assert finals(captions) == finals(alone.feed(random_samples(i)) + alone.flush())
        assert [c.index for c in captions if c.final] == [0, 1]


def test_several_workers_keep_the_caption_order_of_each_session():
    engine = ScriptedEngine()
    scheduler = Scheduler(engine, workers=3)
    playing = [play(scheduler, np.concatenate([random_samples(i)] * 3), SessionOptions()) for i in range(8)]
    for session, captions in playing:
        scheduler.flush(session)
        order = [c.index for c in finals(captions)]
        assert order == sorted(order)
        assert len(order) == 2
    scheduler.close()


def test_requests_of_similar_length_are_transcribed_in_one_batch(engine, scheduler):
    playing = [play(scheduler, random_samples(i)) for i in range(8)]
    engine.released.set()
    for session, _ in playing:
        scheduler.flush(session)
    assert max(engine.batch_sizes) >= 7
    assert len(engine.utterances) == 16


def test_newest_tentative_request_replaces_the_older_ones(engine, scheduler):
    options = SessionOptions(tentative_every_s=0.2, speculate=False)
    session, captions = play(scheduler, random_samples(0)[: 80 * VAD_WINDOW], options)
    engine.released.set()
    scheduler.flush(session)
    assert len(engine.utterances) <= 3  # of twelve: the one in flight, the newest, the final one
    assert captions[-1].final


def test_removed_session_makes_room_for_another(scheduler):
    sessions = [scheduler.add(new_session(), print) for _ in range(8)]
    with pytest.raises(BusyError, match="try again"):
        scheduler.add(new_session(), print)
    scheduler.remove(sessions[0])
    scheduler.add(new_session(), print)


def test_session_with_many_pending_requests_does_not_starve_other_sessions(engine, scheduler):
    long = PROBABILITIES * 20
    busy = scheduler.add(CaptionSession("en", GATE, NO_TENTATIVES, ScriptedVad(long)), lambda captions: None)
    scheduler.feed(busy, noise(len(long) * VAD_WINDOW))
    transcribed_before: list[int] = []
    idle = scheduler.add(new_session(), lambda captions: transcribed_before.append(len(engine.utterances)))
    scheduler.feed(idle, random_samples(9))
    engine.released.set()
    scheduler.flush(idle)
    assert transcribed_before[0] <= 4


@dataclass
class FailingEngine(ScriptedEngine):
    """Raises an error for segments of one length."""

    failing_length: int = 0

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        if any(len(u.samples) == self.failing_length for u in utterances):
            raise RuntimeError("out of memory")
        return super().transcribe(utterances, options)


def test_engine_error_ends_one_session_and_no_other():
    engine = FailingEngine()
    scheduler = Scheduler(engine)
    first, captions = play(scheduler, random_samples(0))
    scheduler.flush(first)
    engine.failing_length = len(engine.utterances[0].samples)
    with pytest.raises(RuntimeError, match="out of memory"):
        play_to_end(scheduler, random_samples(1)[: 94 * VAD_WINDOW])
    engine.failing_length = 0
    second, captions = play(scheduler, random_samples(2))
    scheduler.flush(second)
    assert len(finals(captions)) == 2
    scheduler.close()


def test_delivery_error_ends_one_session_and_no_other(engine, scheduler):
    engine.released.set()

    def fail(_: list[Caption]) -> None:
        raise OSError("No space left on device")

    session = scheduler.add(new_session(SessionOptions(tentative_every_s=0, speculate=False)), fail)
    scheduler.feed(session, random_samples(0))
    with pytest.raises(OSError, match="No space"):
        scheduler.flush(session)
    second, captions = play(scheduler, random_samples(1))
    scheduler.flush(second)
    assert len(finals(captions)) == 2


def test_feeding_a_removed_session_is_a_busy_error(scheduler):
    session = scheduler.add(new_session(), print)
    scheduler.remove(session)
    with pytest.raises(BusyError, match="has ended"):
        scheduler.feed(session, random_samples(0))


def test_session_with_too_much_pending_audio_waits_then_is_a_busy_error(engine, scheduler, monkeypatch):
    monkeypatch.setattr(scheduler_module, "MAX_PENDING_S", 1.0)
    monkeypatch.setattr(scheduler_module, "STALL_TIMEOUT_S", 0.2)
    with pytest.raises(BusyError, match="too busy"):
        play(scheduler, np.concatenate([random_samples(0), random_samples(1)]))


def test_closed_scheduler_keeps_no_reference_to_the_engine():
    engine = ScriptedEngine()
    engine_reference, scheduler = weakref.ref(engine), Scheduler(engine)
    session = scheduler.add(new_session(), lambda captions: None)
    scheduler.feed(session, random_samples(1))
    scheduler.flush(session)
    scheduler.remove(session)
    scheduler.close()
    del engine, scheduler
    assert engine_reference() is None


def test_an_error_of_the_scheduler_itself_stops_no_session(engine, scheduler, monkeypatch):
    engine.released.set()
    monkeypatch.setattr(scheduler_module, "RETRY_PAUSE_S", 0.01)
    errors = iter([KeyError("bug"), IndexError("bug")])
    real = scheduler._next_batch

    def fail_twice():
        if error := next(errors, None):
            raise error
        return real()

    monkeypatch.setattr(scheduler, "_next_batch", fail_twice)
    assert len(finals(play_to_end(scheduler, random_samples(0)))) == 2


def test_a_batch_that_hangs_is_visible(engine, scheduler):
    assert scheduler.longest_batch_s() == 0
    play(scheduler, random_samples(0))
    deadline = time.monotonic() + 10
    while not scheduler.longest_batch_s() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert scheduler.longest_batch_s() > 0


def request(kind: RequestKind) -> Request:
    return Request(kind, SpeechSegment(0, 0, noise(VAD_WINDOW), 0, VAD_WINDOW, 0.9))


def test_slow_tentative_requests_come_in_small_batches_and_final_ones_do_not(engine, scheduler):
    engine.released.set()
    tentative, speculative = request(RequestKind.TENTATIVE), request(RequestKind.SPECULATIVE)
    assert scheduler._batch_limit(tentative, 20) == scheduler_module.MAX_BATCH_SIZE
    scheduler._tentative_s = scheduler_module.TENTATIVE_BATCH_S / 2.5
    assert scheduler._batch_limit(tentative, 20) == 2
    assert scheduler._batch_limit(speculative, 20) == scheduler_module.MAX_BATCH_SIZE
    scheduler._tentative_s = 10.0
    assert scheduler._batch_limit(tentative, 20) == 1


PHRASE = 60 * VAD_WINDOW  # samples of random_samples() in the first phrase
PARTIAL = SessionOptions(tentative_every_s=0.5)


@contextmanager
def two_workers(engine: GatedEngine):
    scheduler = Scheduler(engine, workers=2)
    try:
        yield scheduler
    finally:
        engine.released.set()
        scheduler.close()


def wait_for_batches(scheduler: Scheduler, count: int) -> None:
    wait_until(lambda: len(scheduler._running) == count)


def test_idle_workers_share_what_is_waiting():
    engine = GatedEngine()
    with two_workers(engine) as scheduler:
        with scheduler._changed:  # no worker may look before all have spoken
            for i in range(6):
                session = scheduler.add(new_session(), lambda captions: None)
                with session.lock:
                    scheduler._enqueue(session, session.session.feed(random_samples(i)[: 90 * VAD_WINDOW]).requests)
        wait_for_batches(scheduler, 2)
        engine.released.set()
        wait_until(lambda: sum(engine.batch_sizes) >= 6)
    assert max(engine.batch_sizes) == 3


def test_one_worker_is_kept_for_final_requests():
    engine = GatedEngine()
    with two_workers(engine) as scheduler:
        spoken = random_samples(0)
        first, captions = play(scheduler, spoken[:PHRASE], PARTIAL)
        wait_for_batches(scheduler, 1)
        play(scheduler, random_samples(1)[:PHRASE], PARTIAL)
        assert len(scheduler._running) == 1
        scheduler.feed(first, spoken[PHRASE : 90 * VAD_WINDOW])  # the phrase ends, its tentative request is in flight
        wait_for_batches(scheduler, 2)
        assert sum(batch.is_urgent for batch in scheduler._running.values()) == 1
        engine.released.set()
        scheduler.flush(first)
    assert [c.final for c in captions][-1]


def test_time_of_tentative_requests_is_measured(engine, scheduler):
    engine.released.set()
    session = scheduler.add(new_session(SessionOptions(tentative_every_s=0.5)), lambda captions: None)
    scheduler.feed(session, random_samples(0)[: 60 * VAD_WINDOW])  # in the first phrase
    deadline = time.monotonic() + 10
    while not scheduler._tentative_s and time.monotonic() < deadline:
        time.sleep(0.01)
    assert scheduler._tentative_s > 0
