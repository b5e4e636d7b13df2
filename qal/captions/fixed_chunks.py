"""Fixed chunks: speech is read every 1.5 s, whether or not anybody pauses, in chunks of 2 s that overlap.

speech  ├────────────────────────────┤
chunks  [──────────]
                [──────────]
                        [────────────]   the gate has closed: the rest

For comparison with the gate's segments, and for very long speech without a pause. A word of an overlap is read
twice: neighbours are joined at a word on which both readings agree, else at the middle of the overlap."""

from collections.abc import Sequence

from qal.audio.gate import Gate, GateOptions, Region
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW, Probabilities
from qal.captions.segmenter import SampleBuffer, SpeechSegment
from qal.engine.words import Word
from qal.text.normalisation import normalise

CHUNK_S, OVERLAP_S = 2.0, 0.5
CHUNK, OVERLAP = int(CHUNK_S * SAMPLE_RATE), int(OVERLAP_S * SAMPLE_RATE)
NEVER_CUT_S = 1e6  # the gate need not cut what is chunked anyway
SAME_WORD_S = 0.4  # two readings place a word no farther apart


class Chunker:
    """A segmenter that does not wait for pauses; what lies between speech is left out as by the gate."""

    def __init__(self, options: GateOptions):
        self._gate = Gate(options.model_copy(update={"max_segment_s": NEVER_CUT_S}))
        self._min_windows = max(1, options.min_speech_ms * SAMPLE_RATE // 1000 // VAD_WINDOW)
        self._buffer = SampleBuffer()
        self._heard: list[float] = []  # probabilities
        self._heard_from = 0  # the first one's window
        self._region = -1  # that the chunks are of,
        self._at = 0  # and the sample at which the next one begins
        self._index = -1

    @property
    def is_open(self) -> bool:
        return self._gate.open is not None

    @property
    def needed_sample(self) -> int:
        """The first sample that a later chunk can still hold."""
        chunked = self._gate.open and self._gate.open.index == self._region
        return self._at if chunked else self._gate.needed_from * VAD_WINDOW

    def feed(self, samples: Samples, probabilities: Probabilities | Sequence[float]) -> list[SpeechSegment]:
        """The chunks that are whole, or ended with the speech."""
        self._buffer.append(samples)
        self._heard += map(float, probabilities)
        chunks = [c for region in self._gate.feed(probabilities) for c in self._chunks(region, region.end * VAD_WINDOW)]
        if self._gate.open:
            chunks += self._chunks(self._gate.open)
        self._buffer.forget_before(self.needed_sample)
        old = self.needed_sample // VAD_WINDOW - self._heard_from
        self._heard, self._heard_from = self._heard[old:], self._heard_from + old
        return chunks

    def flush(self) -> list[SpeechSegment]:
        return [c for region in self._gate.flush() for c in self._chunks(region, self._buffer.end)]

    def open_speech_samples(self) -> None:
        """Nothing is read before it is a chunk."""

    def open_segment(self) -> None: ...

    def closing_segment(self) -> None: ...

    def _chunks(self, region: Region, end: int | None = None) -> list[SpeechSegment]:
        """Those that speech fills; with the region's end, the rest too."""
        if region.speech_windows < self._min_windows:
            return []
        chunks = []
        if region.index != self._region:
            self._region, self._at = region.index, region.start * VAD_WINDOW
        while self._at + CHUNK <= region.speech_end * VAD_WINDOW:
            chunks.append(self._chunk(region, self._at + CHUNK, more=True))
            self._at += CHUNK - OVERLAP
        return chunks if end is None else [*chunks, self._chunk(region, end, more=False)]

    def _chunk(self, region: Region, end: int, more: bool) -> SpeechSegment:
        self._index += 1
        first, last = (sample // VAD_WINDOW - self._heard_from for sample in (self._at, end))
        return SpeechSegment(
            index=self._index,
            start_sample=self._at,
            samples=self._buffer.read(self._at, end),
            speech_start_sample=max(self._at, region.speech_start * VAD_WINDOW),
            speech_end_sample=min(end, region.speech_end * VAD_WINDOW),
            speech_probability=max(self._heard[first : last + 1], default=0.0),
            shared_after=OVERLAP if more else 0,
        )


class Joiner:
    """The words of one chunk after the other, each word once."""

    def __init__(self):
        self._held: list[Word] = []  # of the overlap, until its second reading is there

    def join(self, words: Sequence[Word], start_s: float, held_from_s: float) -> list[Word]:
        """The words that are final now, in order. `start_s`: of this chunk; times are of the stream."""
        whole = joined(self._held, list(words), start_s + OVERLAP_S / 2)
        self._held = [w for w in whole if w.end_s > held_from_s]
        return [w for w in whole if w.end_s <= held_from_s]


def joined(before: list[Word], after: list[Word], middle_s: float) -> list[Word]:
    """Two chunks' words; `middle_s`: of their overlap."""
    if not before or not after:
        return before + after
    same = [(i, j) for i, a in enumerate(before) for j, b in enumerate(after) if _is_same(a, b)]
    if same:
        i, j = min(same, key=lambda pair: abs(_middle(before[pair[0]]) - middle_s))
        return before[:i] + after[j:]
    return [w for w in before if _middle(w) < middle_s] + [w for w in after if _middle(w) >= middle_s]


def _is_same(a: Word, b: Word) -> bool:
    return normalise(a.text) == normalise(b.text) and abs(_middle(a) - _middle(b)) <= SAME_WORD_S


def _middle(word: Word) -> float:
    return (word.start_s + word.end_s) / 2
