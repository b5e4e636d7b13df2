"""Random choice of an example's target: transcript or translation, timestamps, previous text.

    <|startofprev|> previous text <|startoftranscript|> language task <|notimestamps|>  text  <|endoftext|>
    ------------------------- prompt: given, no loss ---------------------------------  ----- labels -----

With timestamps, <|notimestamps|> is omitted and the text stands between <|start|> and <|end|>. Inference
decodes without timestamps in both cases."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from qal.audio.samples import SAMPLE_RATE, WINDOW_S, Samples, seconds
from qal.audio.vad import VAD_WINDOW, VadStream
from qal.engine.decoding import TIMESTAMPS_PER_SECOND
from qal.jobs.dataset_notes import MAX_LABEL_TOKENS
from qal.jobs.options.data import TargetOptions
from qal.text.normalisation.basic import lower_case
from qal.training.data.examples import Example, Target

SPEECH_THRESHOLD = 0.5  # speech probability


class SpeechSpan(NamedTuple):
    """Start and end of the speech in an utterance."""

    start_s: float
    end_s: float


def draw_target(
    example: Example, options: TargetOptions, rng: np.random.Generator, get_span: Callable[[], SpeechSpan]
) -> Target:
    """Draws one of the example's targets; `get_span` gives the span of speech in the augmented audio."""
    translate, timed, with_previous = rng.random(3)  # always three draws, so that one share does not affect another
    translation = example.translation if translate < options.translate_share or not example.text else None
    target = translation or example
    target = with_timestamps(target, get_span()) if timed < options.timestamp_share else target
    if translation or with_previous >= options.previous_share:
        return target
    return with_previous_text(target, example.previous_text)


def taught_text(text: str, language: str, options: TargetOptions) -> str:
    """Returns the text as the model is to write it: in small letters if `lower_case` is set."""
    return lower_case(text, language) if options.lower_case else text


def with_timestamps(target: Target, span: SpeechSpan) -> Target:
    """Puts the text between timestamp tokens (20 ms each); unchanged where the labels would grow too long."""
    if len(target.prompt) + len(target.text) + 1 > MAX_LABEL_TOKENS:
        return target
    *prompt, no_timestamps = target.prompt  # the timestamp tokens follow it in the vocabulary
    last = WINDOW_S * TIMESTAMPS_PER_SECOND
    end = min(max(round(span.end_s * TIMESTAMPS_PER_SECOND), 1), last)
    start = min(max(round(span.start_s * TIMESTAMPS_PER_SECOND), 0), end - 1)
    first = no_timestamps + 1
    return Target(tuple(prompt), (first + start, *target.text, first + end), target.end)


def with_previous_text(target: Target, previous_text: tuple[int, ...]) -> Target:
    """Puts the previous text before the prompt, cut from its start to the label length that is left.

    Args:
        target: the target to extend.
        previous_text: <|startofprev|> and the token ids of the text; fewer than two ids change nothing."""
    free = MAX_LABEL_TOKENS - len(target.prompt) - len(target.text) - 1
    if len(previous_text) < 2 or free < 1:
        return target
    return Target((previous_text[0], *previous_text[1:][-free:], *target.prompt), target.text, target.end)


def speech_span(samples: Samples) -> SpeechSpan:
    """Finds the first and the last speech with the VAD; the whole utterance where the VAD finds no speech."""
    windows = np.flatnonzero(VadStream().feed(samples) >= SPEECH_THRESHOLD)
    if not len(windows):
        return SpeechSpan(0.0, seconds(samples))
    return SpeechSpan(float(windows[0] * VAD_WINDOW / SAMPLE_RATE), float((windows[-1] + 1) * VAD_WINDOW / SAMPLE_RATE))


def scale_span(span: SpeechSpan, factor: float) -> SpeechSpan:
    """Scales the span to audio whose duration was changed by the factor."""
    return SpeechSpan(span.start_s * factor, span.end_s * factor)
