import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
import soxr

from qal.audio.mix import MonoMixer
from qal.audio.samples import SAMPLE_RATE, Samples, from_pcm16
from qal.captions.final_captions import Caption
from qal.captions.session import InputLevel
from qal.errors import LanguageError
from ui_components.live.fallback.session import (
    CaptionState,
    LiveSession,
    LiveSessions,
    MicrophoneChunk,
    StreamResampler,
)

MICROPHONE_RATE = 48_000


@dataclass
class RecordingCaptioner:
    """Collects the samples; a flush gives one final caption with their number."""

    name: str
    received: list[Samples] = field(default_factory=list)
    level: InputLevel = field(default_factory=lambda: InputLevel(0.1, 0.9, True))

    def feed(self, samples: Samples) -> list[Caption]:
        self.received.append(samples)
        return [Caption(0, 0.0, self.length / SAMPLE_RATE, "tentative", False)]

    def flush(self) -> list[Caption]:
        return [Caption(0, 0.0, self.length / SAMPLE_RATE, f"{self.name}: {self.length}", True)]

    @property
    def length(self) -> int:
        return sum(len(samples) for samples in self.received)


@dataclass
class RecordingLoader:
    """Loads recording captioners and keeps them; it does not have the language "xx"."""

    loaded: list[RecordingCaptioner] = field(default_factory=list)

    def __call__(self, model: str, language: str | None) -> RecordingCaptioner:
        if language == "xx":
            raise LanguageError("the model has no language 'xx'")
        self.loaded.append(RecordingCaptioner(f"{model} {language}"))
        return self.loaded[-1]


def chunk(duration_s: float = 0.25, language: str | None = None) -> MicrophoneChunk:
    pcm = np.ones(int(MICROPHONE_RATE * duration_s), np.int16)
    return MicrophoneChunk(MICROPHONE_RATE, pcm, "base", language)


def caption(session: LiveSession, *chunks: MicrophoneChunk) -> CaptionState:
    for added in chunks:
        session.add_chunk(added)
    return session.finish()


def test_all_received_audio_is_captioned_when_the_recording_is_finished():
    loader = RecordingLoader()
    state = caption(LiveSession(loader), *[chunk()] * 8)
    assert loader.loaded[0].length == pytest.approx(2 * SAMPLE_RATE, abs=1)
    assert [c.text for c in state.finals] == [f"base None: {loader.loaded[0].length}"]
    assert state.tentative is None


def test_resampling_does_not_depend_on_chunk_size():
    pcm = (8000 * np.sin(np.arange(MICROPHONE_RATE) / 20)).astype(np.int16)

    def resampled(chunk_samples: int) -> Samples:
        resampler = StreamResampler(MICROPHONE_RATE)
        chunks = [resampler.feed(pcm[i : i + chunk_samples]) for i in range(0, len(pcm), chunk_samples)]
        return np.concatenate([*chunks, resampler.feed(pcm[:0], last=True)])

    np.testing.assert_allclose(resampled(12_000), resampled(len(pcm)), atol=1e-6)
    np.testing.assert_allclose(resampled(997), resampled(len(pcm)), atol=1e-6)


def test_changed_language_keeps_the_final_captions_and_the_times():
    loader = RecordingLoader()
    state = caption(LiveSession(loader), *[chunk()] * 4, *[chunk(language="ru")] * 4)
    assert [c.text.split(":")[0] for c in state.finals] == ["base None", "base ru"]
    assert [c.start_s for c in state.finals] == pytest.approx([0.0, 1.0], abs=0.01)


def test_finished_session_continues_with_the_next_recording():
    loader = RecordingLoader()
    session = LiveSession(loader)
    caption(session, chunk(1.0))
    state = caption(session, chunk(1.0))
    assert len(loader.loaded) == len(state.finals) == 2
    assert state.finals[1].end_s == pytest.approx(2.0, abs=0.01)


def test_error_is_reported_once_and_other_settings_clear_it():
    session = LiveSession(RecordingLoader())
    for _ in range(5):
        session.add_chunk(chunk(language="xx"))
    state = caption(session, chunk(language="en"))
    assert isinstance(session.take_error(), LanguageError)
    assert session.take_error() is None
    assert len(state.finals) == 1


def test_add_chunk_never_waits_for_the_model():
    is_loaded = threading.Event()

    def load_slowly(model: str, language: str | None) -> RecordingCaptioner:
        is_loaded.wait(10)
        return RecordingCaptioner(model)

    session = LiveSession(load_slowly)
    start_s = time.monotonic()
    for _ in range(20):
        session.add_chunk(chunk())
    assert time.monotonic() - start_s < 5
    assert session.status == "Loading model..."
    is_loaded.set()
    assert len(session.finish().finals) == 1


def test_final_caption_without_text_removes_the_tentative_caption():
    state = CaptionState().with_captions([Caption(0, 0, 1, "umm", False)])
    assert state.tentative
    assert state.tentative.text == "umm"
    state = state.with_captions([Caption(0, 0, 1, "", True)])
    assert state.tentative is None
    assert state.finals == ()


def test_each_page_has_its_own_session_until_it_is_closed():
    sessions, loader = LiveSessions(), RecordingLoader()
    first, again = sessions.get_or_start("a", loader), sessions.get_or_start("a", loader)
    assert first is again
    assert sessions.get_or_start("b", loader) is not first
    for key in ("a", "b", "never"):
        sessions.close(key)
    assert len(sessions) == 0


def stereo_pcm(left: float, right: float, n: int = MICROPHONE_RATE) -> np.ndarray:
    """(n, 2): the same noise in both channels, with factors."""
    voice = np.random.default_rng(0).normal(0, 3000, n)
    return np.stack([left * voice, right * voice], axis=1).astype(np.int16)


@pytest.mark.parametrize("factors", [(1, 1), (1, -1), (0.5, -1), (1, 0.5)])
def test_fallback_mixes_channels_like_files_so_that_inverted_ones_are_heard(factors):
    pcm = stereo_pcm(*factors)
    loader = RecordingLoader()
    session = LiveSession(loader)
    for part in np.array_split(pcm, 4):
        session.add_chunk(MicrophoneChunk(MICROPHONE_RATE, part, "base", None))
    session.finish()
    received = np.concatenate(loader.loaded[0].received)
    mixer = MonoMixer()
    expected = np.concatenate([mixer.feed(from_pcm16(pcm.T)), mixer.flush()])
    assert len(received) == pytest.approx(SAMPLE_RATE, abs=2)
    assert received.std() == pytest.approx(soxr.resample(expected, MICROPHONE_RATE, SAMPLE_RATE).std(), rel=0.01)
    assert received.std() > 0.02


def test_chunks_with_other_channels_than_those_before_are_captioned_too():
    loader = RecordingLoader()
    chunks = [
        MicrophoneChunk(MICROPHONE_RATE, pcm, "base", None) for pcm in (stereo_pcm(1, -1), stereo_pcm(1, 1)[:, 0])
    ]
    caption(LiveSession(loader), *chunks, *reversed(chunks))
    assert loader.loaded[0].length == pytest.approx(4 * SAMPLE_RATE, abs=8)
