import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from qal.audio.gate import GateOptions
from qal.audio.samples import Samples
from qal.audio.vad import VAD_WINDOW
from qal.captions import scheduler as scheduler_module
from qal.captions.captioner import Captioner
from qal.captions.scheduler import BusyError, Scheduler
from qal.captions.session import Caption, CaptionSession, SessionOptions
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from tests.fakes import ScriptedEngine, ScriptedVad, noise, windows

GATE = GateOptions(pre_roll_ms=64, post_roll_ms=32, min_speech_ms=64, hang_over_ms=128)
SCRIPT = windows((5, 0), (80, 0.9), (9, 0), (40, 0.9), (9, 0))
QUIET = SessionOptions(tentative_every_s=0)


@dataclass
class GatedEngine(ScriptedEngine):
    """Reads nothing until it is let; notes what was read together."""

    let: threading.Event = field(default_factory=threading.Event)
    batches: list[int] = field(default_factory=list)

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        self.let.wait(10)
        self.batches.append(len(utterances))
        return super().transcribe(utterances, options)


def new_session(options: SessionOptions = QUIET) -> CaptionSession:
    return CaptionSession("en", GATE, options, ScriptedVad(SCRIPT))


def sound(seed: int) -> Samples:
    return np.random.default_rng(seed).normal(0, 0.1, len(SCRIPT) * VAD_WINDOW).astype(np.float32)


def finals(captions: list[Caption]) -> list[Caption]:
    return [c for c in captions if c.final]


@pytest.fixture
def engine():
    return GatedEngine()


@pytest.fixture
def scheduler(engine: GatedEngine):
    made = Scheduler(engine, max_sessions=8)
    yield made
    engine.let.set()
    made.close()


def play(scheduler: Scheduler, samples: Samples, options: SessionOptions = QUIET, chunk: int = 1600):
    captions: list[Caption] = []
    seat = scheduler.open(new_session(options), captions.extend)
    for i in range(0, len(samples), chunk):
        scheduler.feed(seat, samples[i : i + chunk])
    return seat, captions


def play_whole(scheduler: Scheduler, samples: Samples) -> list[Caption]:
    seat, captions = play(scheduler, samples)
    scheduler.flush(seat)
    return captions


@pytest.mark.parametrize("options", [QUIET, SessionOptions(), SessionOptions(speculate=False)])
def test_sessions_side_by_side_get_what_each_would_get_alone(engine, scheduler, options):
    engine.let.set()
    playing = [play(scheduler, sound(i), options) for i in range(8)]
    for i, (seat, captions) in enumerate(playing):
        scheduler.flush(seat)
        alone = Captioner(ScriptedEngine(), "en", GATE, QUIET, ScriptedVad(SCRIPT))
        assert finals(captions) == finals(alone.feed(sound(i)) + alone.flush())
        assert [c.index for c in captions if c.final] == [0, 1]


def test_several_workers_keep_each_sessions_order():
    engine = ScriptedEngine()
    scheduler = Scheduler(engine, workers=3)
    playing = [play(scheduler, np.concatenate([sound(i)] * 3), SessionOptions()) for i in range(8)]
    for seat, captions in playing:
        scheduler.flush(seat)
        order = [c.index for c in finals(captions)]
        assert order == sorted(order)
        assert len(order) == 2
    scheduler.close()


def test_requests_of_like_context_are_read_together(engine, scheduler):
    playing = [play(scheduler, sound(i)) for i in range(8)]
    engine.let.set()
    for seat, _ in playing:
        scheduler.flush(seat)
    assert max(engine.batches) >= 7
    assert len(engine.heard) == 16


def test_the_newest_tentative_replaces_the_older_ones(engine, scheduler):
    seat, captions = play(
        scheduler, sound(0)[: 80 * VAD_WINDOW], SessionOptions(tentative_every_s=0.2, speculate=False)
    )
    engine.let.set()
    scheduler.flush(seat)
    assert len(engine.heard) <= 3  # of twelve: the one that was being read, the newest, the final
    assert captions[-1].final


def test_a_place_is_given_up_and_taken_again(scheduler):
    seats = [scheduler.open(new_session(), print) for _ in range(8)]
    with pytest.raises(BusyError, match="try again"):
        scheduler.open(new_session(), print)
    scheduler.leave(seats[0])
    scheduler.open(new_session(), print)


def test_a_session_that_talks_without_end_starves_nobody(engine, scheduler):
    long = SCRIPT * 20  # its sentences wait in a row
    noisy = scheduler.open(CaptionSession("en", GATE, QUIET, ScriptedVad(long)), lambda captions: None)
    scheduler.feed(noisy, noise(len(long) * VAD_WINDOW))
    read_before: list[int] = []
    quiet = scheduler.open(new_session(), lambda captions: read_before.append(len(engine.heard)))
    scheduler.feed(quiet, sound(9))
    engine.let.set()
    scheduler.flush(quiet)
    assert read_before[0] <= 4


@dataclass
class FailingEngine(ScriptedEngine):
    """Cannot read sound of one length."""

    bad: int = 0

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        if any(len(u.samples) == self.bad for u in utterances):
            raise RuntimeError("out of memory")
        return super().transcribe(utterances, options)


def test_an_error_ends_one_session_and_the_others_go_on():
    engine = FailingEngine()
    scheduler = Scheduler(engine)
    probe, captions = play(scheduler, sound(0))
    scheduler.flush(probe)
    engine.bad = len(engine.heard[0].samples)
    with pytest.raises(RuntimeError, match="out of memory"):
        play_whole(scheduler, sound(1)[: 94 * VAD_WINDOW])
    engine.bad = 0
    other, captions = play(scheduler, sound(2))
    scheduler.flush(other)
    assert len(finals(captions)) == 2
    scheduler.close()


def test_captions_that_cannot_be_delivered_end_one_session(engine, scheduler):
    engine.let.set()

    def full(_: list[Caption]) -> None:
        raise OSError("No space left on device")

    seat = scheduler.open(new_session(SessionOptions(tentative_every_s=0, speculate=False)), full)
    scheduler.feed(seat, sound(0))
    with pytest.raises(OSError, match="No space"):
        scheduler.flush(seat)
    other, captions = play(scheduler, sound(1))
    scheduler.flush(other)
    assert len(finals(captions)) == 2


def test_who_left_is_told(scheduler):
    seat = scheduler.open(new_session(), print)
    scheduler.leave(seat)
    with pytest.raises(BusyError, match="has ended"):
        scheduler.feed(seat, sound(0))


def test_who_speaks_faster_than_is_read_waits(engine, scheduler, monkeypatch):
    monkeypatch.setattr(scheduler_module, "MAX_UNREAD_S", 1.0)
    monkeypatch.setattr(scheduler_module, "PATIENCE_S", 0.2)
    with pytest.raises(BusyError, match="too busy"):
        play(scheduler, np.concatenate([sound(0), sound(1)]))


def test_a_closed_scheduler_holds_no_engine():
    engine = ScriptedEngine()
    alive, made = weakref.ref(engine), Scheduler(engine)
    seat = made.open(new_session(), lambda captions: None)
    made.feed(seat, sound(1))
    made.flush(seat)
    made.leave(seat)
    made.close()
    del engine, made
    assert alive() is None
