"""Timestamps that the model writes into its text: <|0.00|> first part<|2.40|><|2.40|> second part<|5.00|>."""

from collections.abc import Sequence
from typing import NamedTuple

from qal.engine.decoding import TIMESTAMPS_PER_SECOND, Tokenizer


class TimedText(NamedTuple):
    """A part of a text between two timestamps of the model, in seconds from the start of the utterance."""

    start_s: float
    end_s: float | None  # None: the text ends without a timestamp
    text: str


def timed_texts(tokenizer: Tokenizer, ids: Sequence[int]) -> tuple[TimedText, ...]:
    """Returns the parts of a text that was decoded with timestamps, in order; () if there are no timestamps."""
    times = tokenizer.timestamp_ids
    parts: list[TimedText] = []
    start_s, text_ids, has_times = 0.0, [], False
    for token in ids:
        if token not in times:
            text_ids.append(token)
            continue
        time_s, has_times = (token - times.start) / TIMESTAMPS_PER_SECOND, True
        if text := tokenizer.decode(text_ids):
            parts.append(TimedText(start_s, time_s, text))
        start_s, text_ids = time_s, []
    if has_times and (text := tokenizer.decode(text_ids)):
        parts.append(TimedText(start_s, None, text))
    return tuple(parts)
