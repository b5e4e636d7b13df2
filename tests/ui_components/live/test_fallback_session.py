import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.session import Caption, Level
from qal.errors import LanguageError
from ui_components.live.fallback.session import Board, Chunk, LiveSession, LiveSessions, ToSampleRate

MICROPHONE_RATE = 48_000


@dataclass
class RecordingStage:
    """Hears everything; a flush gives one final line that tells how much it was."""

    name: str
    heard: list[Samples] = field(default_factory=list)
    level: Level = field(default_factory=lambda: Level(0.1, 0.9, True))

    def feed(self, samples: Samples) -> list[Caption]:
        self.heard.append(samples)
        return [Caption(0, 0.0, self.length / SAMPLE_RATE, "tentative", False)]

    def flush(self) -> list[Caption]:
        return [Caption(0, 0.0, self.length / SAMPLE_RATE, f"{self.name}: {self.length}", True)]

    @property
    def length(self) -> int:
        return sum(len(samples) for samples in self.heard)


@dataclass
class Stages:
    opened: list[RecordingStage] = field(default_factory=list)

    def __call__(self, model: str, language: str | None) -> RecordingStage:
        if language == "xx":
            raise LanguageError("the model has no language 'xx'")
        self.opened.append(RecordingStage(f"{model} {language}"))
        return self.opened[-1]


def chunk(
    seconds: float = 0.25, model: str = "base", language: str | None = None, rate: int = MICROPHONE_RATE
) -> Chunk:
    return Chunk(rate, np.ones(int(rate * seconds), np.int16), model, language)


def say(session: LiveSession, *chunks: Chunk) -> Board:
    for part in chunks:
        session.hear(part)
    return session.finish()


def test_all_that_was_heard_reaches_the_stage_and_becomes_final():
    stages = Stages()
    board = say(LiveSession(stages), *[chunk()] * 8)
    assert stages.opened[0].length == pytest.approx(2 * SAMPLE_RATE, abs=1)
    assert [line.text for line in board.finals] == [f"base None: {stages.opened[0].length}"]
    assert board.tentative is None


def test_resampling_does_not_depend_on_the_size_of_the_chunks():
    pcm = (8000 * np.sin(np.arange(MICROPHONE_RATE) / 20)).astype(np.int16)

    def resampled(size: int) -> Samples:
        stream = ToSampleRate(MICROPHONE_RATE)
        parts = [stream.feed(pcm[i : i + size]) for i in range(0, len(pcm), size)]
        return np.concatenate([*parts, stream.feed(pcm[:0], last=True)])

    np.testing.assert_allclose(resampled(12_000), resampled(len(pcm)), atol=1e-6)
    np.testing.assert_allclose(resampled(997), resampled(len(pcm)), atol=1e-6)


def test_another_language_goes_on_below_the_lines_and_the_clock_runs_on():
    stages = Stages()
    board = say(LiveSession(stages), *[chunk()] * 4, *[chunk(language="ru")] * 4)
    assert [line.text.split(":")[0] for line in board.finals] == ["base None", "base ru"]
    assert [line.start_s for line in board.finals] == pytest.approx([0.0, 1.0], abs=0.01)


def test_a_stopped_recording_can_be_taken_up_again():
    stages = Stages()
    session = LiveSession(stages)
    say(session, chunk(1.0))
    board = say(session, chunk(1.0))
    assert len(stages.opened) == len(board.finals) == 2
    assert board.finals[1].end_s == pytest.approx(2.0, abs=0.01)


def test_an_error_is_told_once_and_other_settings_mend_it():
    session = LiveSession(Stages())
    say_nothing = [chunk(language="xx")] * 5
    for part in say_nothing:
        session.hear(part)
    board = say(session, chunk(language="en"))
    assert isinstance(session.take_error(), LanguageError)
    assert session.take_error() is None
    assert len(board.finals) == 1


def test_hearing_never_waits_for_the_model():
    ready = threading.Event()

    def slow(model: str, language: str | None) -> RecordingStage:
        ready.wait(10)
        return RecordingStage(model)

    session = LiveSession(slow)
    began = time.monotonic()
    for _ in range(20):
        session.hear(chunk())
    assert time.monotonic() - began < 5
    assert session.status == "loading the model"
    ready.set()
    assert len(session.finish().finals) == 1


def test_a_final_without_text_takes_the_tentative_text_back():
    board = Board().with_captions([Caption(0, 0, 1, "umm", False)])
    assert board.tentative
    assert board.tentative.text == "umm"
    board = board.with_captions([Caption(0, 0, 1, "", True)])
    assert board.tentative is None
    assert board.finals == ()


def test_pages_have_sessions_of_their_own_and_leave_none_behind():
    sessions, stages = LiveSessions(), Stages()
    first, again = sessions.get_or_start("a", stages), sessions.get_or_start("a", stages)
    assert first is again
    assert sessions.get_or_start("b", stages) is not first
    for key in ("a", "b", "never"):
        sessions.drop(key)
    assert len(sessions) == 0
