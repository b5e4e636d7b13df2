"""Applies the steps of post-processing to the segments of a file.

fillers removed ─► numbers as digits ─► swear words masked ─► full stops ─► capitals

Fillers go first, because "twenty uh five" is a number; full stops follow the words that are left. A step can
make work for another one, so that all are repeated until nothing changes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar

from qal.text.postprocessing.edits import Edit, EditableWord, edit_text, edit_words
from qal.text.postprocessing.entities import Entity, find_entities
from qal.text.postprocessing.fillers import filler_edits
from qal.text.postprocessing.numbers import number_edits
from qal.text.postprocessing.options import PostprocessingOptions
from qal.text.postprocessing.profanity import profanity_edits
from qal.text.postprocessing.sentences import capital_edits, full_stop_edits, has_capitals, has_marks
from qal.text.subtitles.timed_text import TimedSegment

MAX_PASSES = 5  # two are usual: one that changes the text, and one that changes nothing
Step = Callable[[str, str], list[Edit]]  # (text, language) -> edits


class EditableSegment(TimedSegment, Protocol):
    """A dataclass such as qal.engine.longform.segment.Segment."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def language(self) -> str: ...
    @property
    def words(self) -> Sequence[EditableWord]: ...


AnySegment = TypeVar("AnySegment", bound=EditableSegment)


def postprocess(
    segments: Sequence[AnySegment], language: str | None = None, options: PostprocessingOptions | None = None
) -> list[AnySegment]:
    """Returns the segments after the steps that are on.

    Their words follow: a joined word lasts as long as the words that it is made of, all others keep their times.
    Segments of which no text is left are dropped. Doing it twice gives the same as once.

    Args:
        segments: all segments of a file, in order.
        language: code of all texts, such as "en" after a translation; None: each segment's own.
        options: the steps; None: none.

    Raises:
        OptionError: the list of swear words cannot be read.
    """
    options = options or PostprocessingOptions()
    done = list(segments)
    for _ in range(MAX_PASSES if options.changes_text else 0):
        before, done = done, _one_pass(done, language, options)
        if done == before:
            break
    return done


def _one_pass(segments: Sequence[AnySegment], language: str | None, options: PostprocessingOptions) -> list[AnySegment]:
    done = list(segments)
    for step in text_steps(options):
        edited = (edit_segment(segment, step(segment.text, language or segment.language)) for segment in done)
        done = [segment for segment in edited if segment.text]
    return punctuated(done, language, options.sentence_pause_s) if options.punctuation else done


def text_steps(options: PostprocessingOptions) -> list[Step]:
    """Returns the steps that need only a text and its language, in their order."""
    steps: list[tuple[bool, Step]] = [
        (options.fillers, filler_edits),
        (options.numbers, number_edits),
        (options.profanity, partial(profanity_edits, file=options.profanity_file)),
    ]
    return [step for is_on, step in steps if is_on]


def edit_segment(segment: AnySegment, edits: Sequence[Edit]) -> AnySegment:
    """Returns the segment with the edits in its text and its words; the very segment if there are none."""
    if not edits:
        return segment
    words = edit_words(segment.text, segment.words, edits)
    return replace(segment, text=edit_text(segment.text, edits), words=words)


def punctuated(segments: Sequence[AnySegment], language: str | None, pause_s: float) -> list[AnySegment]:
    """Adds full stops if no segment has sentence marks, and capitals if none has capitals or full stops were added."""
    text = "\n".join(segment.text for segment in segments)
    lacks_marks, lacks_capitals = not has_marks(text), not has_capitals(text)
    if not (lacks_marks or lacks_capitals):
        return list(segments)
    done: list[AnySegment] = []
    starts_s = [*(segment.start_s for segment in segments[1:]), math.inf]
    for segment, next_start_s in zip(segments, starts_s, strict=True):
        spoken = language or segment.language
        if lacks_marks:
            pause_after_s = next_start_s - segment.end_s
            segment = edit_segment(
                segment, full_stop_edits(segment.text, segment.words, spoken, pause_s, pause_after_s)
            )
        begins_sentence = not done or has_marks(done[-1].text[-1:])
        done.append(edit_segment(segment, capital_edits(segment.text, spoken, begins_sentence)))
    return done


def entities(
    segments: Sequence[EditableSegment], language: str | None = None, options: PostprocessingOptions | None = None
) -> list[tuple[Entity, ...]]:
    """Returns the named entities in the text of each segment; none if the switch is off. Raises OptionError."""
    if options is None or not options.entities:
        return [() for _ in segments]
    return [find_entities([segment.text], language or segment.language)[0] for segment in segments]
