"""Live captions in one object: samples in, captions out, everything read at once and in order.

captioner = Captioner("base-adaptive", language="am")
for caption in captioner.from_microphone(seconds=30):
    print(caption.text, "" if caption.final else "…")
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from qal.audio.decode import decode
from qal.audio.gate import DEFAULT_GATE, GateOptions
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.session import (
    DEFAULT_SESSION,
    Caption,
    CaptionSession,
    Kind,
    Level,
    Request,
    SessionOptions,
    VoiceActivity,
)
from qal.engine.catalogue import resolve
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine
from qal.engine.languages import check_language
from qal.engine.screening import ScreeningOptions, SpeechEngine, screened
from qal.errors import AudioDecodeError

PACKET = SAMPLE_RATE // 10  # samples


class Captioner:
    """One speaker, one engine, the caller's thread.

    engine: a catalogue name, a run's id, a model directory, or an engine that is loaded already.
    language None: detected, then held. Raises ModelError, LanguageError."""

    def __init__(
        self,
        engine: SpeechEngine | str | Path,
        language: str | None = None,
        gate: GateOptions = DEFAULT_GATE,
        options: SessionOptions = DEFAULT_SESSION,
        vad: VoiceActivity | None = None,
    ):
        self.session = CaptionSession(language, gate, options, vad)
        self._engine = load(engine, language) if isinstance(engine, str | Path) else engine

    @property
    def language(self) -> str | None:
        return self.session.language

    @property
    def level(self) -> Level:
        return self.session.level

    def feed(self, samples: Samples) -> list[Caption]:
        """The captions that these samples changed."""
        return self._read(*self.session.feed(samples))

    def flush(self) -> list[Caption]:
        """The final captions that the end of the stream brings. Nothing may be fed after it."""
        return self._read(*self.session.flush())

    def from_file(self, path: Path | str) -> Iterator[Caption]:
        """A file as if it was spoken, as fast as the engine reads. Raises AudioDecodeError."""
        yield from self._played(packets(decode(path)))

    def from_microphone(self, seconds: float = 30.0) -> Iterator[Caption]:
        """This machine's own microphone. Raises AudioDecodeError where there is none."""
        yield from self._played(recorded(seconds))

    def _played(self, stream: Iterable[Samples]) -> Iterator[Caption]:
        for packet in stream:
            yield from self.feed(packet)
        yield from self.flush()

    def _read(self, captions: list[Caption], requests: list[Request]) -> list[Caption]:
        for request in requests:
            manner = manner_of(request, self.session.options)
            (transcript,) = screened(self._engine, [self.session.utterance(request)], *manner)
            captions += self.session.answer(request, transcript)
        return captions


def load(model: str | Path, language: str | None) -> Engine:
    engine = Engine(resolve(str(model)))
    if language is not None:
        check_language(language, engine.tokenizer.languages)
    return engine


def packets(samples: Samples) -> Iterator[Samples]:
    for start in range(0, len(samples), PACKET):
        yield samples[start : start + PACKET]


def recorded(seconds: float) -> Iterator[Samples]:
    """Packets of the default microphone, through PortAudio."""
    try:
        import sounddevice  # its import fails where PortAudio is missing, which only this needs
    except ImportError as error:
        raise AudioDecodeError("the microphone needs the package sounddevice; pip install sounddevice") from error
    except OSError as error:  # PortAudio's library
        raise AudioDecodeError("the microphone needs PortAudio; install libportaudio2") from error
    try:
        with sounddevice.InputStream(SAMPLE_RATE, PACKET, channels=1, dtype="float32") as stream:
            for _ in range(round(seconds * SAMPLE_RATE / PACKET)):
                yield stream.read(PACKET)[0][:, 0].astype(np.float32)
    except sounddevice.PortAudioError as error:
        raise AudioDecodeError(f"no microphone can be used ({error}); plug one in, or give a file") from error


def manner_of(request: Request, options: SessionOptions) -> tuple[DecodingOptions, ScreeningOptions]:
    """How a request is read: words are timed, and doubtful text is read again, where it may be final."""
    tentative = request.kind is Kind.TENTATIVE
    decoding = options.decoding.model_copy(update={"words": not tentative})
    return decoding, options.screening.model_copy(update={"temperatures": ()}) if tentative else options.screening
