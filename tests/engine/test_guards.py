"""Each guard against invented text, on real sound and with the real model: what is shown without it is not with it."""

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.captioner import Captioner
from qal.captions.session import SessionOptions
from qal.corpus.manifest import Corpus
from qal.engine.catalogue import resolve
from qal.engine.decoding import GREEDY
from qal.engine.engine import Engine, Utterance
from qal.engine.screening import ScreeningOptions, compression, screened

MANY = 60  # draws
OFF = {
    "max_no_speech_prob": 1.0,
    "sure_silence": 1.0,
    "sure_speech": 0.0,
    "hopeless_logprob": -99.0,
    "max_compression": 99.0,
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(resolve("base-adaptive"))


@pytest.fixture(scope="module")
def backwards(english_corpus: Corpus) -> list[Samples]:
    """Real voices that say nothing."""
    rows = [r for r in english_corpus.rows if 3 < r.duration_s < 6][:8]
    return [decode(english_corpus.audio_path(r))[::-1].copy() for r in rows]


def shown(engine: Engine, utterance: Utterance, **guards: float) -> str:
    """What is read when these guards are as given and all the others are off."""
    options = ScreeningOptions.model_validate({**OFF, "temperatures": (), **guards})
    (transcript,) = screened(engine, [utterance], GREEDY, options)
    return transcript.text if transcript else ""


def default(*names: str) -> dict[str, float]:
    return {name: getattr(ScreeningOptions(), name) for name in names}


def test_a_sure_probability_of_no_speech_silences_silence(engine: Engine):
    silence = Utterance(np.zeros(SAMPLE_RATE, np.float32))
    assert shown(engine, silence)
    assert not shown(engine, silence, **default("sure_silence"))


def test_a_doubt_and_unlikely_text_together_are_not_shown(engine: Engine, monkeys: Samples):
    cries = Utterance(monkeys[4 * SAMPLE_RATE : 6 * SAMPLE_RATE])
    assert shown(engine, cries)
    assert shown(engine, cries, **default("max_no_speech_prob"), min_avg_logprob=-99.0)
    assert not shown(engine, cries, **default("max_no_speech_prob", "min_avg_logprob"))


def test_hopeless_text_is_not_shown(engine: Engine, monkeys: Samples):
    cries = Utterance(monkeys[6 * SAMPLE_RATE : 8 * SAMPLE_RATE])
    assert shown(engine, cries)
    assert not shown(engine, cries, **default("hopeless_logprob"))


def test_animals_that_open_the_gate_say_nothing(engine: Engine, monkeys: Samples):
    """The VAD is not sure of them for one window; that is enough, whatever the model makes of them."""
    padded = np.concatenate([np.zeros(SAMPLE_RATE // 2, np.float32), monkeys, np.zeros(SAMPLE_RATE, np.float32)])
    off = ScreeningOptions.model_validate({**OFF, "temperatures": ()})
    assert captions(engine, padded, off)
    assert not captions(engine, padded, off.model_copy(update=default("sure_speech")))
    assert not captions(engine, padded, ScreeningOptions())


def test_a_loop_is_cut_by_forbidding_repetitions_or_not_shown(engine: Engine, backwards: list[Samples]):
    texts = [shown(engine, Utterance(voice)) for voice in backwards]
    guarded = [shown(engine, Utterance(voice), **default("max_compression")) for voice in backwards]
    loops = [compression(text) > ScreeningOptions().max_compression for text in texts]
    assert any(loops)
    assert [g == t for g, t in zip(guarded, texts, strict=True)] == [not loop for loop in loops]
    assert max(map(compression, guarded)) <= ScreeningOptions().max_compression


def test_a_temperature_finds_other_and_likelier_texts(engine: Engine, backwards: list[Samples]):
    """At a temperature texts are drawn, not always the same; for some voice one is likelier than the greedy one."""
    voices = [Utterance(voice, "en") for voice in backwards]
    greedy = engine.transcribe(voices)
    hot = GREEDY.model_copy(update={"temperature": 0.8})
    drawn = [greedy]
    while any(len({texts[i].text for texts in drawn[1:]}) < 2 for i in range(len(voices))) or not any(
        texts[i].avg_logprob > greedy[i].avg_logprob for texts in drawn for i in range(len(voices))
    ):
        assert len(drawn) <= MANY, "always the same, or never likelier"
        drawn.append(engine.transcribe(voices, hot))


def captions(engine: Engine, samples: Samples, screening: ScreeningOptions) -> list[str]:
    captioner = Captioner(engine, options=SessionOptions(screening=screening))
    made = [*captioner.feed(samples), *captioner.flush()]
    return [c.text for c in made if c.final and c.text]
