"""Transcribes a stream of any length: text comes as it is made, and the memory does not grow with the duration.

blocks ─► sections (about a minute, cut in pauses) ─► strategy ─► segments, section by section

Each section is transcribed from its own samples alone, so a transcription that was stopped is resumed at the end
of the last settled section, with the same text as without the stop."""

from collections.abc import Generator, Iterable
from functools import partial

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.engine.decoding import DecodingOptions
from qal.engine.longform.file_language import FileLanguage
from qal.engine.longform.options import DEFAULT_LONGFORM, LONGFORM_DECODING, LongformOptions
from qal.engine.longform.overlap import OverlapStrategy
from qal.engine.longform.packed import PackedStrategy
from qal.engine.longform.regions import gate_options, group_regions
from qal.engine.longform.sections import stream_sections
from qal.engine.longform.sequential import SequentialStrategy
from qal.engine.longform.settled import NO_CONTINUATION, Continuation, Settled
from qal.engine.longform.work import FileEngine, FileReader, Progress


def ignore_progress(_done_s: float) -> None:
    """Discards the progress."""


def transcribe_stream(
    engine: FileEngine,
    blocks: Iterable[Samples],
    language: str | None = None,
    task: str = "transcribe",
    decoding: DecodingOptions = LONGFORM_DECODING,
    options: LongformOptions = DEFAULT_LONGFORM,
    resume_at_s: float = 0.0,
    continuation: Continuation = NO_CONTINUATION,
    progress: Progress = ignore_progress,
) -> Generator[Settled, None, None]:
    """Transcribes a stream of audio, section by section.

    Args:
        engine: the model.
        blocks: the samples, each (n,) at 16 kHz; their sizes do not change the text.
        language: language code; None: detected as `options.language_mode` says.
        task: "transcribe", or "translate" into English.
        decoding: options of the decoder.
        options: strategy, lengths, batch size, gate and screening.
        resume_at_s: time of the first sample in the file: `settled_s` of the transcription that is resumed.
        continuation: of the transcription that is resumed.
        progress: called with the seconds of audio processed since the last call; they add up to the whole stream.

    Yields:
        The segments of each section in order, with times from the start of the file.
    """
    target_s = options.stretch_s(engine.ability.adaptive)
    cuts_pauses = options.cuts_pauses(engine.ability.adaptive)
    group = partial(group_regions, target_s=target_s, max_pause_s=options.max_pause_s, cuts_pauses=cuts_pauses)
    sections = stream_sections(
        blocks,
        gate_options(target_s, options),
        round(resume_at_s * SAMPLE_RATE),
        group if options.strategy == "packed" else None,
    )
    reader = FileReader(engine, task, decoding, options, begins_transcript=not resume_at_s)
    held = FileLanguage(engine, language, options, continuation.language)
    match options.strategy:
        case "packed":
            yield from PackedStrategy(reader, held).read(sections, progress)
        case "overlap":
            yield from OverlapStrategy(reader, held).read(sections, progress)
        case "sequential":
            yield from SequentialStrategy(reader, held, continuation.previous_text).read(sections, progress)
