"""The timeline of a long file: which stretch took how long."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from qal.engine.longform.options import DEFAULT_LONGFORM, LONGFORM_DECODING, LongformOptions
from qal.engine.longform.transcription import transcribe_file
from qal.engine.longform.work import FileEngine
from qal.engine.model_directory import ContextAbility
from qal.evaluation.speed.records import Stretch, Timeline


class Place(NamedTuple):
    """Samples [start, end) of a file."""

    start: int
    end: int

    def holds(self, other: "Place") -> bool:
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True)
class Call:
    """A call of the engine with some places of the file; times count from the start of the transcription."""

    began_s: float
    ended_s: float
    places: tuple[Place, ...]


@dataclass
class RecordingEngine:
    """Records the calls of an engine with utterances that are views of a file's samples."""

    engine: FileEngine
    samples: Samples
    calls: list[Call] = field(default_factory=list)
    started_s: float = field(default_factory=time.perf_counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ability(self) -> ContextAbility:
        return self.engine.ability

    @property
    def workers(self) -> int:
        return self.engine.workers

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        places = tuple(place_of(utterance.samples, self.samples) for utterance in utterances)
        began_s = time.perf_counter() - self.started_s
        transcripts = self.engine.transcribe(utterances, options)
        with self._lock:
            self.calls.append(Call(began_s, time.perf_counter() - self.started_s, places))
        return transcripts


def place_of(part: Samples, whole: Samples) -> Place:
    """Returns where a view of the samples begins and ends. Raises ValueError if it is no part of them."""
    first, end = np.lib.array_utils.byte_bounds(whole)
    part_first, part_end = np.lib.array_utils.byte_bounds(part)
    if not first <= part_first <= part_end <= end:
        raise ValueError("the utterance is a copy, so that its place in the file is unknown")
    return Place((part_first - first) // whole.itemsize, (part_end - first) // whole.itemsize)


def timed_file(
    engine: FileEngine,
    samples: Samples,
    model: str,
    file: str,
    language: str | None = None,
    decoding: DecodingOptions = LONGFORM_DECODING,
    options: LongformOptions = DEFAULT_LONGFORM,
) -> Timeline:
    """Transcribes a file as `qal transcribe` does and returns what each stretch of it took.

    Args:
        engine: the model.
        samples: (n,) at 16 kHz.
        model: name of the model.
        file: name of the file.
        language: language code; None: detected.
        decoding: options of the decoder.
        options: how the file is cut."""
    recording = RecordingEngine(engine, samples)
    with_pauses = options.model_copy(update={"cut_pauses": False})  # so that utterances are parts of the file
    transcribe_file(recording, samples, language, decoding=decoding, options=with_pauses)
    wall_s = time.perf_counter() - recording.started_s
    calls = sorted(recording.calls, key=lambda call: call.began_s)
    return Timeline(
        model=model,
        file=file,
        duration_s=seconds(samples),
        wall_s=wall_s,
        search_s=calls[0].began_s if calls else wall_s,
        stretches=stretches_of(calls),
    )


def stretches_of(calls: Sequence[Call]) -> list[Stretch]:
    """Returns the places that lie in no other place, in the order of the file, with their share of the calls.

    Parts that were decoded again count for the stretch that they are a part of; the time of a batch is shared by
    duration."""
    whole: list[Place] = []
    for place in sorted({p for call in calls for p in call.places}, key=lambda p: p.start - p.end):
        if not any(longer.holds(place) for longer in whole):
            whole.append(place)
    return [_stretch(place, calls) for place in sorted(whole)]


def _stretch(stretch: Place, calls: Sequence[Call]) -> Stretch:
    own = [call for call in calls if any(stretch.holds(place) for place in call.places)]
    took_s = 0.0
    for call in own:
        samples = sum(place.end - place.start for place in call.places if stretch.holds(place))
        in_all = sum(place.end - place.start for place in call.places)
        took_s += (call.ended_s - call.began_s) * samples / max(1, in_all)
    return Stretch(
        start_s=stretch.start / SAMPLE_RATE,
        end_s=stretch.end / SAMPLE_RATE,
        began_s=min(call.began_s for call in own),
        ended_s=max(call.ended_s for call in own),
        seconds=took_s,
        calls=len(own),
    )
