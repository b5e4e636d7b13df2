"""What the decoder is taught of a row, drawn from (seed, epoch, row): translation, times, the text from before.

    <|startofprev|> text from before <|startoftranscript|> language task <|notimestamps|>  text  <|endoftext|>
    ------------------------------- prompt: given, never taught ------------------------  ----- taught -----

With times, <|notimestamps|> is left out and the text stands between <|start|> and <|end|>. The engine goes on
to decode without times."""

from collections.abc import Callable

import numpy as np

from qal.audio.samples import SAMPLE_RATE, WINDOW_S, Samples, seconds
from qal.audio.vad import VAD_WINDOW, VadStream
from qal.engine.decoding import TIMES_A_SECOND
from qal.jobs.options.data import TargetOptions
from qal.training.data.examples import MAX_LABEL_TOKENS, Example, Target

SPEECH = 0.5  # probability
Span = tuple[float, float]  # seconds


def drawn_target(
    example: Example, options: TargetOptions, rng: np.random.Generator, span: Callable[[], Span]
) -> Target:
    """One of the row's targets; `span` gives the speech's start and end in the sound that is taught."""
    translate, timed, with_previous = rng.random(3)  # always three: one share does not change another's draws
    translated = example.translated if translate < options.translate_share or not example.text else None
    target = translated or example
    target = with_times(target, *span()) if timed < options.timestamp_share else target
    if translated or with_previous >= options.previous_share:
        return target
    return with_text_before(target, example.previous)


def with_times(target: Target, start_s: float, end_s: float) -> Target:
    """The text between its times, of 20 ms each; as it was where the labels would grow too long."""
    if len(target.prompt) + len(target.text) + 1 > MAX_LABEL_TOKENS:
        return target
    *prompt, no_timestamps = target.prompt  # the times' tokens follow it
    last = WINDOW_S * TIMES_A_SECOND
    end = min(max(round(end_s * TIMES_A_SECOND), 1), last)
    start = min(max(round(start_s * TIMES_A_SECOND), 0), end - 1)
    first = no_timestamps + 1
    return Target(tuple(prompt), (first + start, *target.text, first + end), target.end)


def with_text_before(target: Target, previous: tuple[int, ...]) -> Target:
    """The prompt behind as much of the text from before, <|startofprev|> first, as the labels have room for."""
    room = MAX_LABEL_TOKENS - len(target.prompt) - len(target.text) - 1
    if len(previous) < 2 or room < 1:
        return target
    return Target((previous[0], *previous[1:][-room:], *target.prompt), target.text, target.end)


def speech_span(samples: Samples) -> Span:
    """Where the VAD hears speech begin and end; the whole utterance where it hears none."""
    heard = np.flatnonzero(VadStream().feed(samples) >= SPEECH)
    if not len(heard):
        return 0.0, seconds(samples)
    return float(heard[0] * VAD_WINDOW / SAMPLE_RATE), float((heard[-1] + 1) * VAD_WINDOW / SAMPLE_RATE)


def scaled(span: Span, factor: float) -> Span:
    """The span in a sound that was made slower or faster."""
    return span[0] * factor, span[1] * factor
