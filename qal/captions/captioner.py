"""Live captions in one object, without threads: samples in, captions out.

captioner = Captioner("base-adaptive", language="am")
for caption in captioner.from_microphone(seconds=30):
    print(caption.text, "" if caption.final else "…")
"""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qal.audio.decode import decode
from qal.audio.gate import DEFAULT_GATE, GateOptions
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.final_captions import Caption
from qal.captions.options import DEFAULT_SESSION, SessionOptions
from qal.captions.session import CaptionSession, InputLevel, Request, RequestKind, VoiceActivityDetector
from qal.engine.decoding import DecodingOptions
from qal.engine.interface import load_engine
from qal.engine.screening import ScreeningOptions, SpeechEngine, transcribe_screened
from qal.errors import AudioDecodeError

PACKET_SAMPLES = SAMPLE_RATE // 10  # 100 ms


class Captioner:
    """Captions one stream of audio in the caller's thread.

    Args:
        engine: a catalogue name, a run's id, a model directory, or a loaded engine.
        language: a language code; None detects it, as in `CaptionSession`.
        gate: when a segment of speech begins and ends.
        options: how captions are made.
        vad: the voice activity detector; None uses Silero.

    Raises:
        ModelError: the model cannot be loaded.
        LanguageError: the model does not have the language.
    """

    def __init__(
        self,
        engine: SpeechEngine | str | Path,
        language: str | None = None,
        gate: GateOptions = DEFAULT_GATE,
        options: SessionOptions = DEFAULT_SESSION,
        vad: VoiceActivityDetector | None = None,
    ):
        self.session = CaptionSession(language, gate, options, vad)
        self._engine = load_engine(engine, language) if isinstance(engine, str | Path) else engine

    @property
    def language(self) -> str | None:
        return self.session.language

    @property
    def level(self) -> InputLevel:
        return self.session.level

    def feed(self, samples: Samples) -> list[Caption]:
        """Returns the captions that these samples changed. Samples are (n,) float32 at 16 kHz, for any n."""
        return self._transcribe(*self.session.feed(samples))

    def flush(self) -> list[Caption]:
        """Ends the stream and returns the final captions that were pending. `feed` may not be called after it."""
        return self._transcribe(*self.session.flush())

    def from_file(self, path: Path | str) -> Iterator[Caption]:
        """Captions a file as a live stream, as fast as the engine can. Raises AudioDecodeError."""
        yield from self._from_packets(split_packets(decode(path, is_example=False)))

    def from_microphone(self, seconds: float = 30.0) -> Iterator[Caption]:
        """Captions this machine's default microphone. Raises AudioDecodeError if there is none."""
        yield from self._from_packets(record_microphone(seconds))

    def _from_packets(self, packets: Iterable[Samples]) -> Iterator[Caption]:
        for packet in packets:
            yield from self.feed(packet)
        yield from self.flush()

    def _transcribe(self, captions: list[Caption], requests: list[Request]) -> list[Caption]:
        """Transcribes the requests at once; returns `captions` followed by those of the requests."""
        waiting = deque(requests)
        while waiting:
            request = waiting.popleft()
            options = transcription_options(request, self.session.options)
            (transcript,) = transcribe_screened(
                self._engine, [self.session.utterance(request)], options.decoding, options.screening
            )
            output = self.session.add_transcript(request, transcript)
            captions += output.captions
            waiting.extend(output.requests)
        return captions


class TranscriptionOptions(NamedTuple):
    """The engine's options for one request."""

    decoding: DecodingOptions
    screening: ScreeningOptions


def transcription_options(request: Request, options: SessionOptions) -> TranscriptionOptions:
    """Word times, halves and repeated attempts at higher temperatures are for text that can become final only."""
    if request.kind is not RequestKind.TENTATIVE:
        return TranscriptionOptions(options.decoding.model_copy(update={"words": True}), options.screening)
    decoding = options.decoding.model_copy(update={"words": False})
    return TranscriptionOptions(decoding, options.screening.model_copy(update={"temperatures": (), "max_halvings": 0}))


def split_packets(samples: Samples) -> Iterator[Samples]:
    for start in range(0, len(samples), PACKET_SAMPLES):
        yield samples[start : start + PACKET_SAMPLES]


def record_microphone(seconds: float) -> Iterator[Samples]:
    """Yields packets of the default microphone through PortAudio. Raises AudioDecodeError."""
    try:
        import sounddevice  # imported here: the import fails where PortAudio is missing
    except ImportError as error:
        raise AudioDecodeError("the microphone needs the package sounddevice; pip install sounddevice") from error
    except OSError as error:  # the PortAudio library is missing
        raise AudioDecodeError("the microphone needs PortAudio; install libportaudio2") from error
    try:
        with sounddevice.InputStream(SAMPLE_RATE, PACKET_SAMPLES, channels=1, dtype="float32") as stream:
            for _ in range(round(seconds * SAMPLE_RATE / PACKET_SAMPLES)):
                yield stream.read(PACKET_SAMPLES)[0][:, 0].astype(np.float32)
    except sounddevice.PortAudioError as error:
        raise AudioDecodeError(f"no microphone can be used ({error}); plug one in, or give a file") from error
