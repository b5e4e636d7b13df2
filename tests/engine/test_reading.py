"""Reading with scripted engines: text that fills the token limit, spoken and invented repetitions, bounded work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from qal.engine.pauses import pause_samples, quietest_sample
from qal.engine.reading import ReadingRules, join, read
from qal.engine.repetition import is_spoken_repetition, repeats_itself
from qal.engine.screening import ScreeningOptions, transcribe_screened
from qal.engine.words import Word
from tests.fakes import noise, transcript

WORD_S = 0.5
LONG_S = 16.0
RULES = ReadingRules()
TEN_WORDS = GREEDY.model_copy(update={"max_tokens": 10})


@dataclass
class RampEngine:
    """Writes a word for each half second, whose number is the level of the samples, up to `limit` words."""

    limit: int
    repeated: str = ""  # the word that every number stands for; empty: the number itself
    utterances: list[Utterance] = field(default_factory=list)
    options: list[DecodingOptions] = field(default_factory=list)

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        return [self._transcribe_one(utterance, options) for utterance in utterances]

    def _transcribe_one(self, utterance: Utterance, options: DecodingOptions) -> Transcript:
        self.utterances.append(utterance)
        self.options.append(options)
        n = round(WORD_S * SAMPLE_RATE)
        starts = range(0, len(utterance.samples) - n // 2, n)
        spoken = [str(round(1000 * float(np.median(utterance.samples[s : s + n])))) for s in starts][: self.limit]
        texts = [f" {self.repeated or word}" for word in spoken]
        words = tuple(Word(w, i * WORD_S, (i + 1) * WORD_S, 0.9) for i, w in enumerate(texts)) if options.words else ()
        written = transcript("".join(texts).strip())
        return replace(written, words=words, tokens=tuple(range(len(texts))), is_cut=len(texts) >= self.limit)


def ramp(duration_s: float) -> Samples:
    """Samples of words whose numbers rise, with a short silence between them."""
    n, silent = round(WORD_S * SAMPLE_RATE), round(0.2 * WORD_S * SAMPLE_RATE)
    words = [np.full(n, i / 1000, np.float32) for i in range(1, round(duration_s / WORD_S) + 1)]
    for word in words:
        word[:silent] = word[-silent:] = 0
    return np.concatenate(words)


def numbers(duration_s: float) -> str:
    return " ".join(str(i) for i in range(1, round(duration_s / WORD_S) + 1))


def loop(text: str = "I will not. " * 20, is_cut: bool = True) -> Transcript:
    return replace(transcript(text), is_cut=is_cut, tokens=tuple(range(100)))


@dataclass
class OneWordEngine:
    """Writes one word for each utterance that `is_spoken_to`, and nothing for the others."""

    is_spoken_to: Callable[[Utterance], bool] = lambda utterance: True

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        written = replace(transcript("Hello."), tokens=(1,))
        return [written if self.is_spoken_to(u) else transcript("") for u in utterances]


@dataclass
class LoopEngine:
    """Writes a loop for every utterance, also where repetitions are forbidden."""

    decoded_s: float = 0.0

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        self.decoded_s += sum(seconds(u.samples) for u in utterances)
        return [loop()] * len(utterances)


def test_text_that_fills_the_limit_is_read_in_halves_until_nothing_is_missing():
    engine = RampEngine(limit=10)
    (parts,) = read(engine, [Utterance(ramp(LONG_S))], TEN_WORDS, RULES)
    assert join(parts).text == numbers(LONG_S)
    assert len(parts) == 4
    assert not join(parts).is_cut


def test_halves_hold_each_sample_once():
    (parts,) = read(RampEngine(limit=10), [Utterance(ramp(LONG_S))], TEN_WORDS, RULES)
    assert np.array_equal(np.concatenate([part.utterance.samples for part in parts]), ramp(LONG_S))
    assert [p.start_s for p in parts] == pytest.approx(
        [0, *np.cumsum([seconds(p.utterance.samples) for p in parts])[:-1]]
    )


def test_words_of_halves_are_timed_from_the_beginning_of_the_utterance():
    words = TEN_WORDS.model_copy(update={"words": True})
    (parts,) = read(RampEngine(limit=10), [Utterance(ramp(LONG_S))], words, RULES)
    joined = join(parts).words
    assert "".join(word.text for word in joined).strip() == numbers(LONG_S)
    assert [word.start_s for word in joined] == pytest.approx(np.arange(len(joined)) * WORD_S, abs=0.3)


def test_halves_are_in_the_language_of_the_whole():
    engine = RampEngine(limit=10)
    read(engine, [Utterance(ramp(LONG_S))], TEN_WORDS, RULES)
    assert [u.language for u in engine.utterances] == [None] + ["en"] * 6


def test_halves_of_languages_without_spaces_are_joined_without_one():
    halves = [replace(transcript(text, "ja"), tokens=(1,)) for text in ("こんにちは", "世界")]
    (parts,) = read(RampEngine(limit=10), [Utterance(ramp(8.0))], TEN_WORDS, RULES)
    assert join([replace(p, transcript=t) for p, t in zip(parts, halves, strict=True)]).text == "こんにちは世界"


@pytest.mark.parametrize(("duration_s", "parts"), [(2.5, 1), (16.0, 4)])
def test_speech_with_too_few_words_is_looked_for_in_halves(duration_s: float, parts: int):
    """The engine writes one word for any speech, as the model does for some phrases that are said several times."""
    engine = OneWordEngine()
    (readings,) = read(engine, [Utterance(noise(round(duration_s * SAMPLE_RATE)))], GREEDY, RULES)
    assert len(readings) >= parts
    assert (len(readings) == 1) == (parts == 1)


def test_halves_of_few_words_count_only_if_they_have_more_words():
    engine = OneWordEngine(is_spoken_to=lambda utterance: len(utterance.samples) > 9 * SAMPLE_RATE)
    (readings,) = read(engine, [Utterance(noise(10 * SAMPLE_RATE))], GREEDY, RULES)
    assert [r.transcript.text for r in readings] == ["Hello."]


@dataclass
class EarlyEndEngine(RampEngine):
    """Writes the first `limit` words of an utterance and ends there; the last one has the time of all that follow."""

    def _transcribe_one(self, utterance: Utterance, options: DecodingOptions) -> Transcript:
        written = super()._transcribe_one(utterance, options)
        end_s = seconds(utterance.samples)
        words = (*written.words[:-1], *(replace(word, end_s=end_s) for word in written.words[-1:]))
        tokens = tuple(range(4 * len(words)))  # not so few that the text is too short for its sound
        return replace(written, words=words, tokens=tokens, is_cut=False)


def test_text_that_ends_long_before_its_speech_is_read_in_halves():
    engine = EarlyEndEngine(limit=12)
    timed = GREEDY.model_copy(update={"words": True})
    (parts,) = read(engine, [Utterance(ramp(12.0))], timed, RULES)
    assert join(parts).text == numbers(12.0)
    assert len(read(EarlyEndEngine(limit=22), [Utterance(ramp(12.0))], timed, RULES)[0]) == 1


@dataclass
class HeldWordEngine:
    """Writes one word that lasts as long as its sound; a half of the sound has half of the word."""

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        return [self._transcribe_one(seconds(utterance.samples)) for utterance in utterances]

    def _transcribe_one(self, duration_s: float) -> Transcript:
        tokens = tuple(range(round(2 * duration_s)))
        return replace(transcript("Hallelujah."), tokens=tokens, words=(Word(" Hallelujah.", 0.0, duration_s, 0.9),))


def test_long_word_of_which_the_halves_have_no_more_text_is_kept():
    (parts,) = read(HeldWordEngine(), [Utterance(noise(6 * SAMPLE_RATE))], GREEDY, RULES)
    assert [part.transcript.text for part in parts] == ["Hallelujah."]


def test_sound_that_may_be_no_speech_may_have_few_words():
    engine = OneWordEngine()
    utterance = Utterance(noise(10 * SAMPLE_RATE), speech_probability=0.9)
    (result,) = transcribe_screened(engine, [utterance], GREEDY, ScreeningOptions())
    assert result
    assert result.text == "Hello."


def test_short_utterance_is_not_halved():
    (parts,) = read(RampEngine(limit=4), [Utterance(ramp(3.0))], GREEDY, RULES)
    assert len(parts) == 1


def test_utterance_is_cut_at_its_quietest_place_in_the_middle():
    samples = noise(10 * SAMPLE_RATE)
    samples[:SAMPLE_RATE] = 0  # not in the middle
    samples[round(6.2 * SAMPLE_RATE) : round(6.5 * SAMPLE_RATE)] *= 0.01
    assert 6.2 < quietest_sample(samples) / SAMPLE_RATE < 6.5


@pytest.mark.parametrize("rate", [2.0, 20.0, 40.0])
def test_token_limit_rises_with_the_duration_up_to_the_given_one(rate: float):
    decoding = DecodingOptions(max_tokens=200, tokens_per_second=rate)
    limits = [decoding.token_limit(s) for s in (0, 1, 2, 30)]
    assert limits == sorted(limits)
    assert limits[2] - limits[1] == rate
    assert limits[-1] == min(200, limits[0] + 30 * rate)
    assert decoding.model_copy(update={"tokens_per_second": 0}).token_limit(0.1) == 200


def test_dense_text_that_fills_the_limit_of_its_duration_is_decoded_without_it():
    engine = RampEngine(limit=4)
    read(engine, [Utterance(ramp(3.0))], GREEDY, RULES)
    assert [options.tokens_per_second for options in engine.options] == [GREEDY.tokens_per_second, 0]


@pytest.mark.parametrize("duration_s", [2.0, 8.0, 28.0])
def test_work_for_a_loop_is_bounded_by_the_duration(duration_s: float):
    engine = LoopEngine()
    read(engine, [Utterance(noise(round(duration_s * SAMPLE_RATE)))], GREEDY, RULES)
    assert engine.decoded_s <= (RULES.max_halvings + 2) * duration_s + 1e-6


def test_loop_of_sound_that_may_be_no_speech_is_not_halved():
    engine = LoopEngine()
    utterance = Utterance(noise(10 * SAMPLE_RATE), speech_probability=0.9)
    assert transcribe_screened(engine, [utterance], GREEDY, ScreeningOptions()) == [None]
    assert engine.decoded_s == pytest.approx(2 * 10)  # once more with repetitions forbidden


def test_spoken_repetition_is_kept():
    engine = RampEngine(limit=100, repeated="zero")
    (result,) = transcribe_screened(engine, [Utterance(ramp(LONG_S))], GREEDY, ScreeningOptions())
    assert result
    assert result.text == " ".join(["zero"] * round(LONG_S / WORD_S))


def test_spoken_repetition_that_fills_the_limit_is_kept_as_often_as_it_was_said():
    engine = RampEngine(limit=10, repeated="zero")
    (result,) = transcribe_screened(engine, [Utterance(ramp(LONG_S))], TEN_WORDS, ScreeningOptions())
    assert result
    assert result.text == " ".join(["zero"] * round(LONG_S / WORD_S))


@pytest.mark.parametrize(
    ("text", "repeats"),
    [
        ("0 0 0 0 0 0", True),
        ("Aye, aye, aye, aye. No. Aye.", True),
        ("Call waiting, " * 6, True),
        ("No, no, no.", False),
        ("You say that you know what you want, and you do.", False),
        ("", False),
    ],
)
def test_repetition_is_known_by_its_words_or_by_its_compression(text: str, repeats: bool):
    assert repeats_itself(text) == repeats


def words_of(durations_s: list[float]) -> tuple[Word, ...]:
    ends = np.cumsum(durations_s)
    return tuple(Word(" no", end - d, end, 0.9) for end, d in zip(ends, durations_s, strict=True))


@pytest.mark.parametrize(
    ("durations_s", "is_cut", "is_spoken"),
    [
        ([0.6] * 6, False, True),
        ([0.6] * 6 + [0.0], False, True),
        ([0.6] * 6, True, False),
        ([0.6] * 3 + [0.0] * 3, False, False),
        ([], False, False),
    ],
)
def test_repetition_is_spoken_if_the_sound_has_its_words(durations_s: list[float], is_cut: bool, is_spoken: bool):
    aligned = replace(transcript("no " * 6), words=words_of(durations_s), is_cut=is_cut)
    assert is_spoken_repetition(aligned) == is_spoken


def said(times: int, word_s: float = 0.8, gap_s: float = 0.2) -> Samples:
    """A word that is said several times, in some noise."""
    word, gap = noise(round(word_s * SAMPLE_RATE)), 0.003 * noise(round(gap_s * SAMPLE_RATE))
    return np.concatenate([gap, *[word, gap] * times])


@pytest.mark.parametrize("times", [1, 2, 6, 12])
def test_pauses_are_between_the_words_of_a_repetition(times: int):
    assert [round(cut / SAMPLE_RATE, 1) for cut in pause_samples(said(times))] == [
        round(i + 0.1, 1) for i in range(1, times)
    ]


def test_short_sounds_belong_to_their_neighbours():
    short = said(1, word_s=0.1)
    assert pause_samples(np.concatenate([said(1), short, said(1), short])) == pause_samples(
        np.concatenate([said(1), short, said(1), 0.003 * noise(len(short))])
    )


@pytest.mark.parametrize("samples", [noise(5 * SAMPLE_RATE), np.zeros(5 * SAMPLE_RATE, np.float32), noise(100)])
def test_sound_without_pauses_has_none(samples: Samples):
    assert pause_samples(samples) == []


def test_phrase_that_is_written_once_is_read_between_its_pauses():
    """The engine writes one word for any speech, as the model does for some phrases that are said several times."""
    (readings,) = read(OneWordEngine(), [Utterance(said(12))], GREEDY, RULES)
    assert [r.transcript.text for r in readings] == ["Hello."] * 12
