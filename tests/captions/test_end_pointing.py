"""The adaptive end of a segment: sooner after a complete sentence, later after an unfinished one."""

import random
import time
from collections.abc import Sequence

import numpy as np
import pytest

from qal.audio.gate import DEFAULT_GATE, GateOptions
from qal.audio.vad import VAD_WINDOW, VAD_WINDOW_MS
from qal.captions.captioner import Captioner
from qal.captions.end_pointing import EndPointing, ends_like_a_sentence
from qal.captions.final_captions import Caption
from qal.captions.scheduler import Scheduler
from qal.captions.session import CaptionSession
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from tests.fakes import ScriptedEngine, ScriptedVad, noise, transcript, vad_probabilities

GATE = GateOptions(pre_roll_ms=64, post_roll_ms=64, min_speech_ms=64, hang_over_ms=256)
FIXED_MS, COMPLETE_MS, UNFINISHED_MS = 256, 160, 512


def end_pointing(*finals: str) -> EndPointing:
    pointing = EndPointing(GATE)
    for text in finals:
        pointing.add_final(text)
    return pointing


@pytest.mark.parametrize(
    ("text", "finals", "expected_ms"),
    [
        ("It is complete.", [], COMPLETE_MS),
        ("It is complete.", ["no signs", "at all"], COMPLETE_MS),
        ("እሺ።", [], COMPLETE_MS),
        ("and then the", [], FIXED_MS),  # nothing is known of the model's punctuation
        ("and then the", ["One.", "Two.", "Three."], UNFINISHED_MS),
        ("and then the,", ["One.", "Two.", "Three."], UNFINISHED_MS),
        ("and then...", ["One.", "Two.", "Three."], UNFINISHED_MS),
        ("and then the", ["one", "two", "Three."], FIXED_MS),  # the model writes no punctuation
    ],
)
def test_wait_follows_the_end_of_the_text(text: str, finals: list[str], expected_ms: float):
    assert end_pointing(*finals).wait_ms(transcript(text)) == expected_ms


def test_an_unlikely_sentence_and_no_text_have_the_fixed_wait():
    assert end_pointing("One.").wait_ms(transcript("It is complete.", avg_logprob=-0.9)) == FIXED_MS
    assert end_pointing("One.").wait_ms(None) == FIXED_MS


@pytest.mark.parametrize("text", ["Yes.", "Yes?", 'He said "yes."', "«Oui !»", "好。", "ہاں۔", "हाँ।", "አዎ፧"])
def test_sentences_of_many_scripts_are_complete(text: str):
    assert ends_like_a_sentence(text)


@pytest.mark.parametrize("text", ["", "yes", "yes,", "yes...", "yes…", "yes -", "3.5 and"])
def test_half_sentences_are_not_complete(text: str):
    assert not ends_like_a_sentence(text)


def segments_with(text: str, pause_windows: int, adaptive: bool = True) -> int:
    """Counts the finals of two phrases with a pause between them, each transcribed as `text`."""
    probabilities = vad_probabilities((5, 0), (30, 0.9), (pause_windows, 0), (30, 0.9), (30, 0))
    engine = ScriptedEngine([transcript(text)] * 20)
    gate = GATE.model_copy(update={"adaptive_wait": adaptive})
    captioner = Captioner(engine, "en", gate, vad=ScriptedVad(probabilities))
    captioner.session._end_pointing.add_final("One.")
    captions = captioner.feed(noise(len(probabilities) * VAD_WINDOW)) + captioner.flush()
    return sum(c.final for c in captions)


@pytest.mark.parametrize(
    ("text", "adaptive", "longest_bridged"),
    [("Done.", True, 4), ("and the", True, 15), ("Done.", False, 7), ("and the", False, 7)],
)
def test_pause_is_bridged_up_to_the_wait(text: str, adaptive: bool, longest_bridged: int):
    assert segments_with(text, longest_bridged, adaptive) == 1
    assert segments_with(text, longest_bridged + 1, adaptive) == 2


class UnevenEngine(ScriptedEngine):
    """Ends half of its texts like sentences, by their samples, and answers after an uneven time."""

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        time.sleep(random.random() * 0.005)
        return [self._text(u) for u in utterances]

    def _text(self, utterance: Utterance) -> Transcript:
        value = float(np.abs(utterance.samples).sum())
        return transcript(f"{len(utterance.samples)} {value:.2f}{'.' if int(value) % 2 else ''}")


def spoken(seed: int) -> list[float]:
    """Phrases with pauses of every length around the waits."""
    draw = random.Random(seed)
    runs = [(draw.randint(4, 30), 0.9 if i % 2 else 0.0) for i in range(40)]
    return vad_probabilities(*[(count if p else draw.randint(1, 20), p) for count, p in runs])


def finals(captions: list[Caption]) -> list[Caption]:
    return [c for c in captions if c.final and c.text]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("packet_samples", [160, 1600, 40_000])
def test_captions_depend_neither_on_packets_nor_on_the_speed_of_the_engine(seed: int, packet_samples: int):
    probabilities = spoken(seed)
    samples = noise(len(probabilities) * VAD_WINDOW, seed)
    alone = Captioner(UnevenEngine(), "en", GATE, vad=ScriptedVad(probabilities))
    expected = finals(alone.feed(samples) + alone.flush())
    assert len(expected) > 3
    shown: list[Caption] = []
    scheduler = Scheduler(UnevenEngine(), workers=2)
    scheduled = scheduler.add(CaptionSession("en", GATE, vad=ScriptedVad(probabilities)), shown.extend)
    for i in range(0, len(samples), packet_samples):
        scheduler.feed(scheduled, samples[i : i + packet_samples])
    scheduler.flush(scheduled)
    scheduler.close()
    assert finals(shown) == expected


def test_waits_are_at_least_the_padding_after_speech():
    assert DEFAULT_GATE.post_roll_ms % VAD_WINDOW_MS == 0
    assert end_pointing().wait_ms(transcript("Done.")) >= GATE.post_roll_ms
