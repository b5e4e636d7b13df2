"""Transcripts in the shape of OpenAI's `verbose_json`, with the words of the segments."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from qal.json_text import json_text
from qal.text.compression import compression_ratio
from qal.text.languages import LANGUAGE_NAMES
from qal.text.scripts import LANGUAGES_WITHOUT_SPACES
from qal.text.subtitles.timed_text import TimedSegment, TimedWord

SEEK_S = 0.01  # unit of `seek`


def to_verbose_json(segments: Sequence[TimedSegment], task: str, duration_s: float | None) -> str:
    """Formats a transcript.

    Args:
        segments: in order of time. Segments may have words, a language, tokens and the figures of the decoder; their
            language, channel and the probabilities of words are written beside OpenAI's fields.
        task: "transcribe" or "translate".
        duration_s: duration of the file; None: the end of the last segment."""
    languages = [_attribute(segment, "language", "") for segment in segments]
    spoken = max(dict.fromkeys(languages), key=lambda language: _spoken_s(segments, language), default="")
    last_s = max((segment.end_s for segment in segments), default=0.0)
    content = {
        "task": task,
        "language": LANGUAGE_NAMES.get(spoken, spoken),
        "duration": round(last_s if duration_s is None else duration_s, 3),
        "text": _joined(segments),
        "segments": [_segment(number, segment) for number, segment in enumerate(segments)],
        "words": [_word(word) for word in chain.from_iterable(_attribute(s, "words", ()) for s in segments)],
    }
    return json_text(content, ensure_ascii=False, indent=2) + "\n"


def _spoken_s(segments: Sequence[TimedSegment], language: str) -> float:
    return sum(s.end_s - s.start_s for s in segments if _attribute(s, "language", "") == language)


def _joined(segments: Sequence[TimedSegment]) -> str:
    text = ""
    for segment in segments:
        space = "" if _attribute(segment, "language", "") in LANGUAGES_WITHOUT_SPACES else " "
        text += space * bool(text) + " ".join(segment.text.split())
    return text


def _segment(number: int, segment: TimedSegment) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": number,
        "seek": round(segment.start_s / SEEK_S),
        "start": round(segment.start_s, 3),
        "end": round(segment.end_s, 3),
        "text": segment.text,
        "tokens": list(_attribute(segment, "tokens", ())),
        "temperature": _attribute(segment, "temperature", 0.0),
        "avg_logprob": round(_attribute(segment, "avg_logprob", 0.0), 4),
        "compression_ratio": round(compression_ratio(segment.text), 4),
        "no_speech_prob": round(_attribute(segment, "no_speech_prob", 0.0), 4),
    }
    own = ("language", "language_probability", "channel")
    return fields | {name: value for name in own if (value := _attribute(segment, name, None)) is not None}


def _word(word: TimedWord) -> dict[str, Any]:
    fields = {"word": word.text.strip(), "start": round(word.start_s, 3), "end": round(word.end_s, 3)}
    probability = getattr(word, "probability", None)
    return fields if probability is None else fields | {"probability": round(probability, 3)}


def _attribute(segment: TimedSegment, name: str, default: Any) -> Any:
    value = getattr(segment, name, None)
    return default if value is None else value
