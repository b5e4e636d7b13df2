"""Fixed chunks: speech is transcribed in 2 s chunks that overlap by 0.5 s, without waiting for a pause.

speech  ├────────────────────────────┤
chunks  [──────────]
                [──────────]
                        [────────────]   the gate closes: the remaining speech

For comparison with segments that end at pauses, and for very long speech without a pause. The words of an overlap are
transcribed twice: neighbouring chunks are joined at a word on which both transcripts agree, else at the middle of the
overlap."""

from collections.abc import Sequence

from qal.audio.gate import Gate, GateOptions, Region
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW, Probabilities
from qal.captions.segmenter import OpenSpeech, SampleBuffer, SpeechSegment
from qal.engine.words import Word
from qal.text.normalisation.basic import normalise_basic

CHUNK_S, OVERLAP_S = 2.0, 0.5
CHUNK_SAMPLES, OVERLAP_SAMPLES = int(CHUNK_S * SAMPLE_RATE), int(OVERLAP_S * SAMPLE_RATE)
NO_MAX_SEGMENT_S = 1e6  # the gate does not split speech that is split into chunks
SAME_WORD_DISTANCE_S = 0.4  # largest distance between the times of one word in two transcripts


class ChunkSegmenter:
    """Cuts speech into fixed chunks. It has the interface of `Segmenter`; silence is left out in the same way."""

    def __init__(self, options: GateOptions):
        self._gate = Gate(options.model_copy(update={"max_segment_s": NO_MAX_SEGMENT_S}))
        self._buffer = SampleBuffer()
        self._probabilities: list[float] = []
        self._first_window = 0  # number of the window that _probabilities[0] belongs to
        self._region_index = -1  # the region that is being cut
        self._next_start = 0  # first sample of its next chunk
        self._index = -1

    @property
    def is_open(self) -> bool:
        return self._gate.open_region is not None

    @property
    def silence_ms(self) -> int:
        """Returns 0: chunks do not end by silence alone."""
        return 0

    @property
    def needed_sample(self) -> int:
        """The first sample that a later chunk can still include."""
        is_cut = self._gate.open_region and self._gate.open_region.index == self._region_index
        return self._next_start if is_cut else self._gate.first_needed_window * VAD_WINDOW

    def feed(self, samples: Samples, probabilities: Probabilities | Sequence[float]) -> list[SpeechSegment]:
        """Returns the chunks that are complete, or that ended with the speech."""
        self._buffer.append(samples)
        self._probabilities += map(float, probabilities)
        chunks: list[SpeechSegment] = []
        for region in self._gate.feed(probabilities):
            chunks += self._cut(region, region.end * VAD_WINDOW)
        if self._gate.open_region:
            chunks += self._cut(self._gate.open_region)
        self._discard_old()
        return chunks

    def flush(self) -> list[SpeechSegment]:
        """Ends the stream; returns the chunks of the open region."""
        return [chunk for region in self._gate.flush() for chunk in self._cut(region, self._buffer.end)]

    def open_speech(self) -> OpenSpeech | None:
        """Returns None: chunks have no tentative text."""

    def open_segment(self) -> SpeechSegment | None:
        """Returns None: chunks have no tentative text."""

    def set_wait(self, milliseconds: float) -> list[SpeechSegment]:
        """Returns []: chunks do not wait for the end of a sentence."""
        return []

    def closing_segment(self) -> SpeechSegment | None:
        """Returns None: chunks are not transcribed speculatively."""

    def _cut(self, region: Region, end: int | None = None) -> list[SpeechSegment]:
        """Returns the chunks that speech fills; with the region's `end`, also the chunk of the remaining speech."""
        if region.speech_windows < self._gate.min_speech_windows:
            return []
        chunks = []
        if region.index != self._region_index:
            self._region_index, self._next_start = region.index, region.start * VAD_WINDOW
        while self._next_start + CHUNK_SAMPLES <= region.speech_end * VAD_WINDOW:
            chunks.append(self._chunk(region, self._next_start + CHUNK_SAMPLES, OVERLAP_SAMPLES))
            self._next_start += CHUNK_SAMPLES - OVERLAP_SAMPLES
        return chunks if end is None else [*chunks, self._chunk(region, end, 0)]

    def _chunk(self, region: Region, end: int, overlap_samples: int) -> SpeechSegment:
        self._index += 1
        start = self._next_start
        first, last = (sample // VAD_WINDOW - self._first_window for sample in (start, end))
        return SpeechSegment(
            index=self._index,
            start_sample=start,
            samples=self._buffer.read(start, end),
            speech_start_sample=max(start, region.speech_start * VAD_WINDOW),
            speech_end_sample=min(end, region.speech_end * VAD_WINDOW),
            speech_probability=max(self._probabilities[first : last + 1], default=0.0),
            overlap_samples=overlap_samples,
        )

    def _discard_old(self) -> None:
        """Discards the samples and probabilities that no later chunk needs."""
        self._buffer.discard_before(self.needed_sample)
        needed_window = self.needed_sample // VAD_WINDOW
        self._probabilities = self._probabilities[needed_window - self._first_window :]
        self._first_window = needed_window


class OverlapJoiner:
    """Joins the words of successive chunks so that each word occurs once."""

    def __init__(self):
        self._pending: list[Word] = []  # words of the overlap, until the next chunk transcribes it again

    @property
    def pending_start_s(self) -> float | None:
        """Start in the stream of the first word that waits for the next chunk; None if there is none."""
        return self._pending[0].start_s if self._pending else None

    def join(self, words: Sequence[Word], start_s: float, overlap_start_s: float) -> list[Word]:
        """Adds a chunk's words and returns the words that are final now, in order.

        Args:
            words: the chunk's words, timed in the stream.
            start_s: start of this chunk in the stream.
            overlap_start_s: start of its overlap with the next chunk; infinity if there is none.
        """
        joined = join_overlap(self._pending, list(words), start_s + OVERLAP_S / 2)
        self._pending = [w for w in joined if w.end_s > overlap_start_s]
        return [w for w in joined if w.end_s <= overlap_start_s]


def join_overlap(before: list[Word], after: list[Word], middle_s: float) -> list[Word]:
    """Joins the words of two chunks at an equal word, else at `middle_s`, the middle of their overlap."""
    if not before or not after:
        return before + after
    equal = [(i, j) for i, a in enumerate(before) for j, b in enumerate(after) if _is_same_word(a, b)]
    if equal:
        i, j = min(equal, key=lambda pair: abs(_middle_s(before[pair[0]]) - middle_s))
        return before[:i] + after[j:]
    return [w for w in before if _middle_s(w) < middle_s] + [w for w in after if _middle_s(w) >= middle_s]


def _is_same_word(a: Word, b: Word) -> bool:
    return (
        normalise_basic(a.text) == normalise_basic(b.text) and abs(_middle_s(a) - _middle_s(b)) <= SAME_WORD_DISTANCE_S
    )


def _middle_s(word: Word) -> float:
    return (word.start_s + word.end_s) / 2
