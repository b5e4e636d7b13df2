"""End-pointing: how long a silence must last to end a segment, decided from the text of the segment so far.

At the beginning of a silence the segment is transcribed. A text that ends like a sentence and is likely ends the
segment at once; a text that stops in mid-sentence waits longer than the fixed wait. The thresholds were chosen on
prompts in five languages that were cut between words (python -m benchmarks.live.end_pointing)."""

from collections import deque

from qal.audio.gate import GateOptions
from qal.engine.engine import Transcript

TERMINAL = tuple(".?!。！？｡؟۔।॥።፧፨։")  # signs at the end of a sentence
UNFINISHED = ("...", "…")
COMPLETE_WAIT_MS = 160.0  # after a complete sentence
MIN_AVG_LOGPROB = -0.6  # of a complete sentence; texts of half sentences are less likely
HESITATION_FACTOR = 2.0  # longest wait divided by the fixed one
REMEMBERED_LINES = 5


class EndPointing:
    """Decides the waits of one session.

    Models that were trained on texts without punctuation keep the fixed wait: a missing sign means something only if
    most of the last lines ended with one."""

    def __init__(self, options: GateOptions):
        self._options = options
        self._ended_like_sentences: deque[bool] = deque(maxlen=REMEMBERED_LINES)

    @property
    def is_adaptive(self) -> bool:
        return self._options.adaptive_wait

    @property
    def shortest_ms(self) -> float:
        """The shortest wait that any text has; the text must be known when the silence is as long."""
        return min(self._options.hang_over_ms, max(COMPLETE_WAIT_MS, self._options.post_roll_ms))

    def wait_ms(self, transcript: Transcript | None) -> float:
        """Returns the silence that ends a segment with this transcript; None is a segment without text."""
        fixed_ms = self._options.hang_over_ms
        if transcript is None:
            return fixed_ms
        if ends_like_a_sentence(transcript.text):
            return self.shortest_ms if transcript.avg_logprob >= MIN_AVG_LOGPROB else fixed_ms
        return HESITATION_FACTOR * fixed_ms if self._writes_punctuation else fixed_ms

    def add_final(self, text: str) -> None:
        """Adds a final line."""
        self._ended_like_sentences.append(ends_like_a_sentence(text))

    @property
    def _writes_punctuation(self) -> bool:
        return 2 * sum(self._ended_like_sentences) > len(self._ended_like_sentences)


def ends_like_a_sentence(text: str) -> bool:
    """True if the text ends with the sign of a complete sentence, also inside of closing quotation marks."""
    text = text.rstrip().rstrip("\"'»”’)]")
    return text.endswith(TERMINAL) and not text.endswith(UNFINISHED)
