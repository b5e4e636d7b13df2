"""Reading: decodes utterances so that each text holds what was said, as often as it was said.

text ends by itself, is as long as its sound, does not repeat itself   ─► kept
text fills the limit of its duration, no repetition                    ─► again without that limit
text fills the limit                                                   ─► in halves, cut at the quietest place
text has too few tokens, or ends long before its sound                 ─► in halves, if they have more text
text repeats itself, or has too few tokens                             ─► also in pieces between the pauses
a short one repeats itself, and the sound has these words              ─► kept
a short one repeats itself otherwise                                   ─► again with repetitions forbidden

Whisper counts two or three repetitions well, and twelve badly. The work for an utterance is bounded: each text is as
long as its duration allows, and utterances are halved `max_halvings` times at most."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np

from qal.audio.samples import SAMPLE_RATE, seconds
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from qal.engine.pauses import pause_samples, quietest_sample
from qal.engine.repetition import MAX_COMPRESSION_RATIO, compression_ratio, is_spoken_repetition, repeats_itself
from qal.engine.words import move_words
from qal.text.scripts import LANGUAGES_WITHOUT_SPACES

NO_REPETITION = {"no_repeat_ngram_size": 3}  # options for the second decoding of a loop
MAX_HALVINGS = 3
MIN_HALVED_S = 4.0  # shorter utterances are not read in halves
MIN_SPARSE_S = 3.0  # the same for utterances whose text is too short
MIN_TOKENS_PER_SECOND = 1.3  # of speech with its pauses; speech has two to ten
MAX_WORD_S, MAX_LETTER_S = 1.5, 0.15  # of a word that ends a text; a longer one stands for words that are missing
MORE_TEXT = 1.3  # tokens of the halves divided by those of the whole, from which the halves count
MIN_PIECES = 3  # between pauses; fewer are no sign of a repetition


class SpeechEngine(Protocol):
    """A model that transcribes utterances, such as qal.engine.engine.Engine."""

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]: ...


@dataclass(frozen=True)
class Reading:
    """The transcript of an utterance, or of a part of it that was read alone."""

    utterance: Utterance
    transcript: Transcript
    start_s: float = 0.0  # of the part in the utterance
    is_doubted: bool = False  # an earlier text of this part, or of a longer one around it, was not plausible
    is_spoken_repetition: bool = False  # the text repeats itself because the speaker did


@dataclass(frozen=True)
class ReadingRules:
    """When a text is not plausible, and how often an utterance is halved."""

    max_compression: float = MAX_COMPRESSION_RATIO
    sure_silence: float = 1.0  # above it, short text is plausible: there may be no speech
    min_avg_logprob: float = -1.0  # of the text of a part that counts when ways to cut are compared
    sure_speech: float = 0.0  # VAD probability from which speech is certain
    max_halvings: int = MAX_HALVINGS

    def is_loop(self, transcript: Transcript) -> bool:
        """True if the text compresses too well, spoken or not."""
        return compression_ratio(transcript.text) > self.max_compression

    def is_certain(self, utterance: Utterance) -> bool:
        """True if the VAD is certain that there is speech."""
        return utterance.speech_probability >= self.sure_speech

    def is_sparse(self, reading: Reading) -> bool:
        """True if the text has too few tokens for its speech: repetitions of a phrase may be missing."""
        tokens, duration_s = len(reading.transcript.tokens), seconds(reading.utterance.samples)
        is_speech = reading.transcript.no_speech_prob <= self.sure_silence
        return bool(tokens) and is_speech and tokens < MIN_TOKENS_PER_SECOND * duration_s

    def may_lack_words(self, reading: Reading) -> bool:
        """True if the text may end before the speech does, or has too few words for it."""
        return self.is_sparse(reading) or ends_early(reading.transcript)

    def may_lack_repetitions(self, reading: Reading) -> bool:
        """True if what was said several times may be written too seldom, or too often."""
        is_sparse = self.is_sparse(reading) and not reading.transcript.is_cut
        return is_sparse or repeats_itself(reading.transcript.text, self.max_compression)

    def plausible_tokens(self, readings: Sequence[Reading]) -> int:
        """Returns the tokens of the texts that are likely enough to be kept."""
        transcripts = [r.transcript for r in readings]
        return sum(len(t.tokens) for t in transcripts if t.avg_logprob >= self.min_avg_logprob and not t.is_cut)

    def is_halved(self, reading: Reading) -> bool:
        """True if an utterance is read in halves.

        Without certain speech, only ordinary text that is cut is: a repetition would be invented in the halves, too."""
        duration_s, is_certain = seconds(reading.utterance.samples), self.is_certain(reading.utterance)
        if not self.max_halvings or duration_s < MIN_SPARSE_S:
            return False
        if is_certain and self.may_lack_words(reading):
            return True
        repeats = repeats_itself(reading.transcript.text, self.max_compression)
        return duration_s >= MIN_HALVED_S and (is_certain if repeats else reading.transcript.is_cut)


def ends_early(transcript: Transcript) -> bool:
    """True if the last word is longer than anyone speaks it: the alignment gives it the time of all that follows."""
    if not transcript.words or transcript.is_cut:
        return False
    word = transcript.words[-1]
    return word.end_s - word.start_s > MAX_WORD_S + MAX_LETTER_S * len(word.text.strip())


def read(
    engine: SpeechEngine, utterances: Sequence[Utterance], decoding: DecodingOptions, rules: ReadingRules
) -> list[list[Reading]]:
    """Reads utterances; returns the parts of each, in order: one, unless it was read in halves."""
    whole = [Reading(u, t) for u, t in zip(utterances, _complete(engine, utterances, decoding, rules), strict=True)]
    if decoding.phrases:  # one of the allowed texts is neither cut nor a loop
        return [[reading] for reading in whole]
    halved = [i for i, reading in enumerate(whole) if rules.is_halved(reading)]
    parts = _read_parts(engine, [whole[i] for i in halved], decoding, rules)
    readings = [[reading] for reading in whole]
    for i, found in zip(halved, parts, strict=True):
        if not rules.may_lack_words(whole[i]) or _has_more_text(found, whole[i]):
            readings[i] = found
    loops = [i for i, reading in enumerate(whole) if readings[i][0] is reading and rules.is_loop(reading.transcript)]
    for i, reading in zip(loops, _without_loops(engine, [whole[i] for i in loops], decoding, rules), strict=True):
        readings[i] = [reading]
    return readings


def _read_parts(
    engine: SpeechEngine, whole: Sequence[Reading], decoding: DecodingOptions, rules: ReadingRules
) -> list[list[Reading]]:
    """Reads utterances in halves and, where repetitions may be missing, between their pauses.

    Returns the readings of each, with their places and its language: of two ways the one that has more text."""
    cuts = [[quietest_sample(reading.utterance.samples)] for reading in whole]
    found = _read_cut(engine, whole, cuts, decoding, rules)
    pauses = [pause_samples(r.utterance.samples) if rules.may_lack_repetitions(r) else [] for r in whole]
    rhythmic = [i for i, cuts in enumerate(pauses) if len(cuts) + 1 >= MIN_PIECES]
    pieces = _read_cut(engine, [whole[i] for i in rhythmic], [pauses[i] for i in rhythmic], decoding, rules)
    for i, readings in zip(rhythmic, pieces, strict=True):
        found[i] = max(readings, found[i], key=rules.plausible_tokens)
    return found


def _read_cut(
    engine: SpeechEngine,
    whole: Sequence[Reading],
    cuts: Sequence[Sequence[int]],
    decoding: DecodingOptions,
    rules: ReadingRules,
) -> list[list[Reading]]:
    """Reads utterances that are cut at samples; returns the readings of each."""
    parts = [(i, part) for i, reading in enumerate(whole) for part in cut_at(reading, cuts[i], rules)]
    placed: list[list[Reading]] = [[] for _ in whole]
    if not parts:
        return placed
    fewer = replace(rules, max_halvings=rules.max_halvings - 1)
    found = read(engine, [part.utterance for _, part in parts], decoding, fewer)
    for (i, part), readings in zip(parts, found, strict=True):
        placed[i] += [_placed(reading, part) for reading in readings]
    return placed


def _has_more_text(parts: Sequence[Reading], whole: Reading) -> bool:
    return sum(len(part.transcript.tokens) for part in parts) > MORE_TEXT * len(whole.transcript.tokens)


def _complete(
    engine: SpeechEngine, utterances: Sequence[Utterance], decoding: DecodingOptions, rules: ReadingRules
) -> list[Transcript]:
    """Transcribes utterances; ordinary text that fills the limit of its duration is decoded without that limit.

    Languages with several tokens for a character can need that where they are spoken very fast."""
    transcripts = list(engine.transcribe(utterances, decoding))
    filled = [
        i
        for i, t in enumerate(transcripts)
        if t.is_cut and len(t.tokens) < decoding.max_tokens and not repeats_itself(t.text, rules.max_compression)
    ]
    unlimited = decoding.model_copy(update={"tokens_per_second": 0})
    for i, transcript in zip(filled, transcribe(engine, [utterances[i] for i in filled], unlimited), strict=True):
        transcripts[i] = transcript
    return transcripts


def _without_loops(
    engine: SpeechEngine, loops: Sequence[Reading], decoding: DecodingOptions, rules: ReadingRules
) -> list[Reading]:
    """Keeps repetitions that were spoken; decodes the others once more with repetitions forbidden.

    There may be correct words before a loop, so that its text is not simply dropped."""
    aligned = _with_words(engine, loops, decoding)
    readings = [replace(r, is_spoken_repetition=_is_spoken(r, rules)) for r in aligned]
    invented = [i for i, r in enumerate(readings) if rules.is_loop(r.transcript) and not r.is_spoken_repetition]
    without_prompt = [replace(readings[i].utterance, previous_text="") for i in invented]
    retries = transcribe(engine, without_prompt, decoding.without_prompt(**NO_REPETITION))
    for i, transcript in zip(invented, retries, strict=True):
        readings[i] = replace(readings[i], transcript=transcript, is_doubted=True)
    return readings


def _is_spoken(reading: Reading, rules: ReadingRules) -> bool:
    return rules.is_certain(reading.utterance) and is_spoken_repetition(reading.transcript)


def _with_words(engine: SpeechEngine, readings: Sequence[Reading], decoding: DecodingOptions) -> list[Reading]:
    """Decodes complete texts without word times again to get these times."""
    found = list(readings)
    unaligned = [i for i, r in enumerate(readings) if not r.transcript.words and not r.transcript.is_cut]
    again = [readings[i].utterance for i in unaligned]
    aligned = transcribe(engine, again, decoding.model_copy(update={"words": True}))
    for i, transcript in zip(unaligned, aligned, strict=True):
        found[i] = replace(readings[i], transcript=transcript)
    return found


def cut_at(reading: Reading, cuts: Sequence[int], rules: ReadingRules) -> list[Reading]:
    """Cuts an utterance at samples; the parts still have the transcript of the whole."""
    utterance = reading.utterance
    repeats = repeats_itself(reading.transcript.text, rules.max_compression)
    common = replace(
        utterance,
        language=reading.transcript.language,
        previous_text="" if repeats else utterance.previous_text,  # it may be the cause of the repetition
    )
    part = replace(reading, is_doubted=repeats or rules.may_lack_words(reading))
    pieces = [
        replace(
            common,
            samples=utterance.samples[start:end],
            begins_transcript=utterance.begins_transcript and not start,
        )
        for start, end in pairwise([0, *cuts, len(utterance.samples)])
    ]
    starts_s = [start / SAMPLE_RATE for start in (0, *cuts)]
    return [replace(part, utterance=piece, start_s=at) for piece, at in zip(pieces, starts_s, strict=True)]


def _placed(reading: Reading, part: Reading) -> Reading:
    """Returns the reading of a part with its place and the detected language of the whole utterance."""
    transcript = replace(
        reading.transcript,
        other_language=part.transcript.other_language,
        language_probability=part.transcript.language_probability,
    )
    start_s = reading.start_s + part.start_s
    return replace(reading, transcript=transcript, start_s=start_s, is_doubted=reading.is_doubted or part.is_doubted)


def join(readings: Sequence[Reading]) -> Transcript:
    """Joins the transcripts of the parts of an utterance; word times count from its beginning."""
    if len(readings) == 1 and not readings[0].start_s:
        return readings[0].transcript
    transcripts = [r.transcript for r in readings]
    first = transcripts[0]
    counts = [max(1, len(t.tokens)) for t in transcripts]
    space = "" if first.language in LANGUAGES_WITHOUT_SPACES else " "
    return replace(
        first,
        text=space.join(t.text for t in transcripts if t.text),
        tokens=tuple(token for t in transcripts for token in t.tokens),
        avg_logprob=float(np.average([t.avg_logprob for t in transcripts], weights=counts)),
        no_speech_prob=min(t.no_speech_prob for t in transcripts),
        words=tuple(word for r in readings for word in move_words(r.transcript.words, r.start_s)),
        is_cut=transcripts[-1].is_cut,
    )


def transcribe(engine: SpeechEngine, utterances: Sequence[Utterance], decoding: DecodingOptions) -> list[Transcript]:
    """Calls the engine only if there are utterances."""
    return engine.transcribe(utterances, decoding) if utterances else []
