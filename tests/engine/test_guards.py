"""Each threshold of the screening, with real audio and the real model: the text is dropped with it only."""

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.captioner import Captioner
from qal.captions.options import SessionOptions
from qal.corpus.manifest import Corpus
from qal.engine.catalogue import resolve
from qal.engine.decoding import GREEDY
from qal.engine.engine import Engine, Utterance
from qal.engine.screening import ScreeningOptions, compression_ratio, transcribe_screened

MAX_SAMPLED_TEXTS = 60
DISABLED = {
    "max_no_speech_prob": 1.0,
    "sure_silence": 1.0,
    "sure_speech": 0.0,
    "hopeless_logprob": -99.0,
    "max_compression": 99.0,
    "max_halvings": 0,
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(resolve("base-adaptive"), compute_type="float32")  # int8 results differ between processors


@pytest.fixture(scope="module")
def reversed_voices(english_corpus: Corpus) -> list[Samples]:
    """Real voices, reversed in time, so that there are no words."""
    rows = [r for r in english_corpus.rows if 3 < r.duration_s < 6][:8]
    return [decode(english_corpus.audio_path(r))[::-1].copy() for r in rows]


def screened_text(engine: Engine, utterance: Utterance, **thresholds: float) -> str:
    """Returns the text with the given thresholds and all others disabled; empty if it is dropped."""
    options = ScreeningOptions.model_validate({**DISABLED, "temperatures": (), **thresholds})
    (transcript,) = transcribe_screened(engine, [utterance], GREEDY, options)
    return transcript.text if transcript else ""


def default_thresholds(*names: str) -> dict[str, float]:
    return {name: getattr(ScreeningOptions(), name) for name in names}


def test_high_no_speech_probability_drops_text_of_silence(engine: Engine):
    silence = Utterance(np.zeros(SAMPLE_RATE, np.float32))
    assert screened_text(engine, silence)
    assert not screened_text(engine, silence, **default_thresholds("sure_silence"))


def test_doubtful_speech_with_unlikely_text_is_dropped(engine: Engine, monkey_sounds: Samples):
    cries = Utterance(monkey_sounds[4 * SAMPLE_RATE : 6 * SAMPLE_RATE])
    assert screened_text(engine, cries)
    assert screened_text(engine, cries, **default_thresholds("max_no_speech_prob"), min_avg_logprob=-99.0)
    assert not screened_text(engine, cries, **default_thresholds("max_no_speech_prob", "min_avg_logprob"))


def test_text_below_hopeless_logprob_is_dropped(engine: Engine, monkey_sounds: Samples):
    cries = Utterance(monkey_sounds[6 * SAMPLE_RATE : 8 * SAMPLE_RATE])
    assert screened_text(engine, cries)
    assert not screened_text(engine, cries, **default_thresholds("hopeless_logprob"))


def test_animal_sounds_that_open_the_gate_give_no_captions(engine: Engine, monkey_sounds: Samples):
    """No window reaches the VAD's `sure_speech`, which is enough to drop the text."""
    padded = np.concatenate([np.zeros(SAMPLE_RATE // 2, np.float32), monkey_sounds, np.zeros(SAMPLE_RATE, np.float32)])
    disabled = ScreeningOptions.model_validate({**DISABLED, "temperatures": ()})
    assert captions(engine, padded, disabled)
    assert not captions(engine, padded, disabled.model_copy(update=default_thresholds("sure_speech")))
    assert not captions(engine, padded, ScreeningOptions())


def test_loop_is_decoded_without_repetitions_or_dropped(engine: Engine, reversed_voices: list[Samples]):
    texts = [screened_text(engine, Utterance(voice)) for voice in reversed_voices]
    without_loops = [
        screened_text(engine, Utterance(voice), **default_thresholds("max_compression")) for voice in reversed_voices
    ]
    loops = [compression_ratio(text) > ScreeningOptions().max_compression for text in texts]
    assert any(loops)
    assert [new == text for new, text in zip(without_loops, texts, strict=True)] == [not loop for loop in loops]
    assert max(map(compression_ratio, without_loops)) <= ScreeningOptions().max_compression


@pytest.mark.long
def test_temperature_gives_different_and_more_likely_texts(engine: Engine, reversed_voices: list[Samples]):
    """Sampled texts differ from each other, and for some voice one is more likely than the greedy text."""
    voices = [Utterance(voice, "en") for voice in reversed_voices]
    greedy = engine.transcribe(voices)
    sampling = GREEDY.model_copy(update={"temperature": 0.8})
    sampled = [greedy]
    while any(len({texts[i].text for texts in sampled[1:]}) < 2 for i in range(len(voices))) or not any(
        texts[i].avg_logprob > greedy[i].avg_logprob for texts in sampled for i in range(len(voices))
    ):
        assert len(sampled) <= MAX_SAMPLED_TEXTS, "texts never differ or are never more likely"
        sampled.append(engine.transcribe(voices, sampling))


def captions(engine: Engine, samples: Samples, screening: ScreeningOptions) -> list[str]:
    captioner = Captioner(engine, options=SessionOptions(screening=screening))
    results = [*captioner.feed(samples), *captioner.flush()]
    return [c.text for c in results if c.final and c.text]
