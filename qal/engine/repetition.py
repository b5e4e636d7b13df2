"""Repetitions: text that repeats itself because the speaker did, or because the decoder is in a loop."""

from collections import Counter

from qal.engine.engine import Transcript
from qal.text.compression import compression_ratio
from qal.text.normalisation.basic import normalise_basic
from qal.text.scripts import split_words

MAX_COMPRESSION_RATIO = 2.4  # of ordinary text; repeated text is above it
MIN_REPEATED_WORDS = 4  # text of fewer words is no repetition
INSTANT_S = 0.06  # words of a loop that no sound supports are aligned to shorter times
MAX_INSTANT_SHARE = 0.25  # of the words of a spoken repetition


def repeats_itself(text: str, max_compression: float = MAX_COMPRESSION_RATIO) -> bool:
    """True if the text compresses too well, or if most of its words are the same; spoken or not."""
    words = Counter(filter(None, map(normalise_basic, split_words(text))))
    is_one_word = words.total() >= MIN_REPEATED_WORDS and 2 * max(words.values()) > words.total()
    return is_one_word or compression_ratio(text) > max_compression


def is_spoken_repetition(transcript: Transcript) -> bool:
    """True if the sound supports the words of a repetition: the text ends by itself, and few words take no time.

    A loop usually fills the token limit, and words that the sound does not have take no time in the alignment. A
    transcript without word times is not supported."""
    instant = [word.end_s - word.start_s < INSTANT_S for word in transcript.words]
    return bool(instant) and not transcript.is_cut and sum(instant) <= MAX_INSTANT_SHARE * len(instant)
