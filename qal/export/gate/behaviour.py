"""Checks of what a model does in use, asked of the engine itself, without the VAD and the screening around it.

Where the model that it was trained from is there, too, a loss is one against that model; else fixed bounds decide."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from qal.audio.samples import SAMPLE_RATE, WINDOW_S, Samples
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.engine.longform.transcription import transcribe_file
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.evaluation.gate_report import CheckResult
from qal.evaluation.invented_words import count_direct_words
from qal.evaluation.retention import failure_counts, has_valid_timestamps, is_identified
from qal.evaluation.scoring import SEED, SpokenReference, transcribe_each
from qal.evaluation.wordless_sounds import wordless_sounds
from qal.export.gate.formats import MAX_LOSS_FEW_UTTERANCES, MIN_UTTERANCES

MAX_CONTEXT_LOSS = 0.02  # of the deciding error rate, as a share: adaptive context against 30 s
MAX_PROMPT_LOSS, MAX_TEMPERATURE_LOSS, MAX_LONG_LOSS = 0.05, 0.1, 0.2
MAX_SHARE_LOSS, MIN_SHARE = 0.1, 0.5  # of examples with the right language, or with valid timestamps
TEMPERATURE = 0.4
LONG_S, LONG_PAUSE_S = 45.0, 0.8  # of the long recording
EMPTY_S = (0.0, 0.02, 0.1)
WORDS_PER_SOUND = 2  # that a model may invent where there is no speech, if its base is not there


class State(NamedTuple):
    """The result of a check. A loss beyond its limit is excused if the base model loses as much."""

    passed: bool
    detail: str
    loss: float | None = None  # share; None: the check compares with the base itself
    limit: float = 0.0


@dataclass(frozen=True)
class Candidate:
    """The engine to check with what it is compared with."""

    engine: Engine
    full: Engine  # the same weights with 30 s windows
    base: Engine | None
    references: Sequence[SpokenReference]

    @cached_property
    def greedy(self) -> ErrorCounts:
        """The errors of greedy decoding, one example at a time."""
        return self.count(transcribe_each(self.engine, self.references))

    def count(self, texts: Sequence[str]) -> ErrorCounts:
        return count_errors([r.text for r in self.references], texts, [r.language for r in self.references])

    def texts(self, decoding: DecodingOptions = GREEDY, previous: Sequence[str] | None = None) -> list[str]:
        """Transcribes each example, with a text before it."""
        before = previous or [""] * len(self.references)
        pairs = zip(self.references, before, strict=True)
        said = [Utterance(r.samples, r.language, previous_text=text) for r, text in pairs]
        return [self.engine.transcribe([utterance], decoding)[0].text for utterance in said]


def check_behaviour(candidate: Candidate, progress: Callable[[int, int], object]) -> list[CheckResult]:
    """Makes all checks; `progress` is called after each one."""
    checks: Mapping[str, Callable[[Candidate], State | None]] = {
        "short context": short_context,
        "languages": languages,
        "timestamps": timestamps,
        "prompts": prompts,
        "temperature": temperature,
        "long recordings": long_recording,
        "empty sound": empty_sound,
        "silence": silence,
    }
    results = []
    for i, (name, check) in enumerate(checks.items(), start=1):
        found = check(candidate)
        if found and not found.passed and found.loss is not None and candidate.base:
            found = excused(found, check(Candidate(candidate.base, candidate.base, None, candidate.references)))
        state = "not checked" if found is None else "passed" if found.passed else "failed"
        results.append(CheckResult(name=name, state=state, detail=found.detail if found else ""))
        progress(i, len(checks))
    return results


def excused(found: State, base: State | None) -> State:
    """Returns a check that failed as passed if the base model's loss is as large, up to the limit."""
    if base is None or base.loss is None or found.loss is None or found.loss - base.loss > found.limit:
        return found
    return found._replace(passed=True, detail=f"{found.detail}; {100 * base.loss:+.1f} points with the base model")


def short_context(candidate: Candidate) -> State | None:
    """Compares the adaptive context with 30 s windows; None for a model that always encodes 30 s."""
    if not candidate.engine.ability.adaptive:
        return None
    full = candidate.count(transcribe_each(candidate.full, candidate.references))
    return _compared(candidate.greedy, full, MAX_CONTEXT_LOSS, "with the adaptive context than with 30 s windows")


def prompts(candidate: Candidate) -> State:
    """Gives each example the text of another one as the text before it."""
    texts = [r.text for r in candidate.references]
    prompted = candidate.count(candidate.texts(previous=[*texts[-1:], *texts[:-1]]))
    return _compared(prompted, candidate.greedy, MAX_PROMPT_LOSS, "with a text before it than without")


def temperature(candidate: Candidate) -> State:
    """Decodes at the temperature to which decoding falls back after a repetition loop."""
    drawn = candidate.count(candidate.texts(GREEDY.model_copy(update={"temperature": TEMPERATURE})))
    return _compared(drawn, candidate.greedy, MAX_TEMPERATURE_LOSS, f"at temperature {TEMPERATURE} than greedily")


def _compared(a: ErrorCounts, b: ErrorCounts, limit: float, what: str) -> State:
    loss = paired_difference(a, b, np.random.default_rng(SEED))
    bound = limit if len(a.words) >= MIN_UTTERANCES else MAX_LOSS_FEW_UTTERANCES
    text = f"{a.measure} {100 * loss.difference:+.1f} points {what} (interval {100 * loss.low:+.1f} to "
    return State(loss.low <= bound, f"{text}{100 * loss.high:+.1f})", loss.difference, bound)


def languages(candidate: Candidate) -> State | None:
    """Counts how often the language is detected; None for an English-only model."""
    if not candidate.engine.tokenizer.multilingual:
        return None
    return _share(candidate, is_identified, "languages identified")


def timestamps(candidate: Candidate) -> State:
    """Counts the examples whose timestamps are in order and within the audio."""
    return _share(candidate, has_valid_timestamps, "examples with valid timestamps")


def _share(candidate: Candidate, succeeds: Callable[[Engine, SpokenReference], bool], what: str) -> State:
    successes = [succeeds(candidate.engine, r) for r in candidate.references]
    share = f"{sum(successes)} of {len(successes)} {what}"
    base = candidate.base
    if base is None or (candidate.engine.tokenizer.multilingual and not base.tokenizer.multilingual):
        return State(sum(successes) >= MIN_SHARE * len(successes), share)
    before = [succeeds(base, r) for r in candidate.references]
    loss = paired_difference(failure_counts(successes), failure_counts(before), np.random.default_rng(SEED))
    lost = loss.difference > MAX_SHARE_LOSS and loss.low > 0
    return State(not lost, f"{share}; {sum(before)} with the base model")


def long_recording(candidate: Candidate) -> State:
    """Transcribes a recording of more than 30 s, made of examples with pauses."""
    common = [r.language for r in candidate.references]
    language = max(set(common), key=common.count)
    chosen = [r for r in candidate.references if r.language == language]
    samples, text = joined(chosen, LONG_S)
    found = transcribe_file(candidate.engine, samples, language)
    counts = count_errors([text], [" ".join(segment.text for segment in found)], language)
    rise = counts.rate - candidate.greedy.rate
    detail = f"{counts.measure} {100 * counts.rate:.1f} % on {len(samples) / SAMPLE_RATE:.0f} s"
    is_within = all(segment.end_s <= len(samples) / SAMPLE_RATE + 1 for segment in found)
    detail += f", {100 * candidate.greedy.rate:.1f} % on single examples"
    if not is_within:
        return State(False, f"{detail}; times lie behind the end")
    return State(rise <= MAX_LONG_LOSS, detail, rise, MAX_LONG_LOSS)


def joined(references: Sequence[SpokenReference], at_least_s: float) -> tuple[Samples, str]:
    """Joins examples with pauses to a recording longer than the model's window; a few are repeated if necessary."""
    pause = np.zeros(int(LONG_PAUSE_S * SAMPLE_RATE), np.float32)
    parts: list[Samples] = []
    texts: list[str] = []
    while sum(map(len, parts)) < max(at_least_s, WINDOW_S + 1) * SAMPLE_RATE:
        reference = references[len(texts) % len(references)]
        parts += [reference.samples, pause]
        texts.append(reference.text)
    return np.concatenate(parts), " ".join(texts)


def empty_sound(candidate: Candidate) -> State:
    """Transcribes sounds of no or hardly any samples, which end at once."""
    said = [np.zeros(int(duration_s * SAMPLE_RATE), np.float32) for duration_s in EMPTY_S]
    texts = [candidate.engine.transcribe([Utterance(sound, "en")])[0].text for sound in said]
    words = sum(len(text.split()) for text in texts)
    return State(
        words <= WORDS_PER_SOUND * len(said), f"{words} words for {len(said)} sounds of up to {max(EMPTY_S):g} s"
    )


def silence(candidate: Candidate) -> State:
    """Counts the words that the engine writes where there is no speech."""
    sounds = wordless_sounds([], np.random.default_rng(SEED))
    invented = count_direct_words(candidate.engine, sounds)
    detail = f"{invented} words invented on {len(sounds)} sounds without speech"
    if candidate.base is None:
        return State(invented <= WORDS_PER_SOUND * len(sounds), detail)
    before = count_direct_words(candidate.base, sounds)
    return State(invented <= before + len(sounds), f"{detail}; {before} by the base model")
