"""Transcribes a file whose samples are in memory."""

from collections.abc import Callable

from qal.audio.samples import Samples
from qal.engine.decoding import DecodingOptions
from qal.engine.longform.options import DEFAULT_LONGFORM, LONGFORM_DECODING, LongformOptions
from qal.engine.longform.segment import Segment
from qal.engine.longform.stream import ignore_progress, transcribe_stream
from qal.engine.longform.work import FileEngine


def transcribe_file(
    engine: FileEngine,
    samples: Samples,
    language: str | None = None,
    task: str = "transcribe",
    decoding: DecodingOptions = LONGFORM_DECODING,
    options: LongformOptions = DEFAULT_LONGFORM,
    progress: Callable[[float], object] = ignore_progress,
) -> list[Segment]:
    """Transcribes a file of any length.

    Args:
        engine: the model.
        samples: (n,) at 16 kHz.
        language: language code; None: detected as `options.language_mode` says.
        task: "transcribe", or "translate" into English.
        decoding: options of the decoder.
        options: strategy, lengths, batch size, gate and screening.
        progress: called with the seconds of audio processed since the last call; they add up to the whole file.

    Returns:
        Segments in order; [] if there is no speech.
    """
    found = transcribe_stream(engine, [samples], language, task, decoding, options, progress=progress)
    return [segment for settled in found for segment in settled.segments]
