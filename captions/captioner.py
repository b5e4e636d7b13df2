"""Live captions in one object: samples in, captions out, everything read at once and in order."""

from audio.gate import DEFAULT_GATE, GateOptions
from audio.samples import Samples
from captions.session import (
    DEFAULT_SESSION,
    Caption,
    CaptionSession,
    Kind,
    Level,
    Request,
    SessionOptions,
    VoiceActivity,
)
from engine.decoding import DecodingOptions
from engine.screening import SpeechEngine, screened


class Captioner:
    """One speaker, one engine, the caller's thread."""

    def __init__(
        self,
        engine: SpeechEngine,
        language: str | None = None,
        gate: GateOptions = DEFAULT_GATE,
        options: SessionOptions = DEFAULT_SESSION,
        vad: VoiceActivity | None = None,
    ):
        self.session = CaptionSession(language, gate, options, vad)
        self._engine = engine

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

    def _read(self, captions: list[Caption], requests: list[Request]) -> list[Caption]:
        options = self.session.options
        for request in requests:
            decoding = decoding_for(request, options)
            (transcript,) = screened(self._engine, [self.session.utterance(request)], decoding, options.screening)
            captions += self.session.answer(request, transcript)
        return captions


def decoding_for(request: Request, options: SessionOptions) -> DecodingOptions:
    """Words are timed where the text may be final."""
    return options.decoding.model_copy(update={"words": request.kind is not Kind.TENTATIVE})
