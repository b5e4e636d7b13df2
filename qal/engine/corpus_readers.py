"""Readers for corpora: of the words of a recording with their times, and of pieces of speech that are read twice."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from qal.audio.blocks import read_blocks
from qal.audio.decode import MAX_DURATION_S, decode
from qal.audio.decoding.opening import decode_errors
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.corpus.importers.alignment import TimedWord, TimeRange
from qal.corpus.importers.conversion.cutting import Part, cut_parts
from qal.corpus.importers.conversion.reading import samples_at
from qal.corpus.pseudo_labels import ReadPiece
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Utterance
from qal.engine.longform.file_language import detect_language
from qal.engine.longform.options import ADAPTIVE_TARGET_S, DEFAULT_LONGFORM, FULL_TARGET_S, LONGFORM_DECODING
from qal.engine.longform.regions import MergedRegion, find_merged_regions
from qal.engine.longform.work import FileEngine
from qal.engine.screening import read_screened, transcribe_screened
from qal.errors import AudioDecodeError

LABEL_TARGET_S = 12.0  # of examples; longer ones disagree more often somewhere
OnProgress = Callable[[float], object]  # called with the seconds of speech since the last call


def ignore_progress(_done_s: float) -> None:
    """Discards the progress."""


class _Part(NamedTuple):
    """A part of a recording that starts at a time."""

    samples: Samples
    start_s: float


class EngineTranscriber:
    """Recognises the words of recordings with their times. It keeps those of the last recording."""

    def __init__(self, load: Callable[[], FileEngine], name: str, progress: OnProgress = ignore_progress):
        """`load` is called once, before the first recording."""
        self.name = name
        self._load, self._progress = load, progress
        self._engine: FileEngine | None = None
        self._last: tuple[tuple[object, ...], list[TimedWord]] | None = None

    def words(self, recording: Path, language: str, ranges: Sequence[TimeRange] = ()) -> Sequence[TimedWord]:
        """Returns the words of a recording, or of parts of it, in order. Raises AudioDecodeError or LanguageError."""
        with decode_errors(recording):
            key = (recording, recording.stat().st_mtime_ns, language, tuple(ranges))
        if self._last is None or self._last[0] != key:
            self._last = (
                key,
                [word for part in self._parts(recording, ranges) for word in self._words(part, language)],
            )
        return self._last[1]

    def _words(self, part: "_Part", language: str) -> Iterator[TimedWord]:
        self._engine = self._engine or self._load()
        for word in file_words(self._engine, part.samples, language, self._progress):
            yield TimedWord(word.text, part.start_s + word.start_s, part.start_s + word.end_s)

    def _parts(self, recording: Path, ranges: Sequence[TimeRange]) -> Iterator["_Part"]:
        """Yields the whole recording, or the parts of it one after the other; it is decoded once."""
        if not ranges:
            yield _Part(decode(recording), 0.0)
            return
        blocks = (block.samples for block in read_blocks(recording, MAX_DURATION_S))
        parts = [Part(samples_at(part.start_s), samples_at(part.end_s)) for part in ranges]
        for i, samples in cut_parts(blocks, parts):
            if isinstance(samples, str):
                raise AudioDecodeError(f"{recording.name}: its part {samples}")
            yield _Part(samples, ranges[i].start_s)


def file_words(
    engine: FileEngine, samples: Samples, language: str, progress: OnProgress = ignore_progress
) -> list[TimedWord]:
    """Returns the words of a file with times from its start.

    Args:
        engine: the model.
        samples: (n,) at 16 kHz.
        language: language code; "": it is detected.
        progress: called with the seconds of speech since the last call."""
    target_s = ADAPTIVE_TARGET_S if engine.ability.adaptive else FULL_TARGET_S
    regions = find_merged_regions(samples, target_s, DEFAULT_LONGFORM)
    language = language or (detect_language(engine, [region.cut(samples) for region in regions]) if regions else "")
    decoding = LONGFORM_DECODING.model_copy(update={"words": True})
    words = []
    for batch in _batches(regions):
        utterances = [_utterance(region, samples, language) for region in batch]
        for region, readings in zip(
            batch, read_screened(engine, utterances, decoding, DEFAULT_LONGFORM.screening), strict=True
        ):
            for reading in readings:
                offset_s = region.start / SAMPLE_RATE + reading.start_s
                words += [
                    TimedWord(word.text, offset_s + word.start_s, offset_s + word.end_s)
                    for word in reading.transcript.words
                ]
        progress(sum(region.end - region.start for region in batch) / SAMPLE_RATE)
    return words


def _batches(regions: Sequence[MergedRegion]) -> list[Sequence[MergedRegion]]:
    size = DEFAULT_LONGFORM.batch_size
    return [regions[first : first + size] for first in range(0, len(regions), size)]


def _utterance(region: MergedRegion, samples: Samples, language: str) -> Utterance:
    return Utterance(region.cut(samples), language or None, speech_probability=region.speech_probability)


class AgreementReader:
    """Reads pieces of speech twice: by two models, or by one model in two ways."""

    def __init__(
        self,
        engine: FileEngine,
        other: FileEngine,
        name: str,
        other_decoding: DecodingOptions = LONGFORM_DECODING,
        progress: OnProgress = ignore_progress,
    ):
        """Takes the engines.

        Args:
            engine: the model whose text is used.
            other: the model of the second reading, which may be the same.
            name: both readings, for the source of the examples.
            other_decoding: options of the second reading.
            progress: called with the seconds of speech since the last call."""
        self.name = name
        self._engine, self._other = engine, other
        self._other_decoding, self._progress = other_decoding, progress

    def read(self, samples: Samples, language: str) -> list[ReadPiece]:
        """Cuts a file, (n,) at 16 kHz, into pieces of speech and reads each twice; those without text are empty."""
        screening = DEFAULT_LONGFORM.screening
        pieces = []
        for batch in _batches(find_merged_regions(samples, LABEL_TARGET_S, DEFAULT_LONGFORM)):
            utterances = [_utterance(region, samples, language) for region in batch]
            first = transcribe_screened(self._engine, utterances, LONGFORM_DECODING, screening)
            second = transcribe_screened(self._other, utterances, self._other_decoding, screening)
            for region, own, other in zip(batch, first, second, strict=True):
                is_read = own is not None and other is not None
                pieces.append(
                    ReadPiece(
                        start_s=region.start / SAMPLE_RATE,
                        end_s=min(region.end, len(samples)) / SAMPLE_RATE,
                        text=own.text.strip() if own and is_read else "",
                        other_text=other.text.strip() if other and is_read else "",
                        avg_logprob=min(own.avg_logprob, other.avg_logprob) if own and other else float("-inf"),
                    )
                )
            self._progress(sum(region.end - region.start for region in batch) / SAMPLE_RATE)
        return pieces
