"""Chunks of fixed length: their places in the stream, and each word of their overlaps once."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from qal.audio.gate import GateOptions
from qal.audio.samples import SAMPLE_RATE
from qal.audio.vad import VAD_WINDOW
from qal.captions.captioner import Captioner
from qal.captions.fixed_chunks import CHUNK, OVERLAP, Chunker, joined
from qal.captions.segmenter import SpeechSegment
from qal.captions.session import SessionOptions
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from qal.engine.words import Word
from tests.fakes import ScriptedVad, transcript, windows

GATE = GateOptions(pre_roll_ms=64, post_roll_ms=32, min_speech_ms=64, hang_over_ms=128)
SCRIPT = windows((20, 0), (300, 0.97), (30, 0), (2, 0.9), (30, 0), (64, 0.9), (3, 0.1), (30, 0.9), (20, 0), (90, 0.8))
CLOCK = np.arange(len(SCRIPT) * VAD_WINDOW + 100, dtype=np.float32)  # each sample says where it is
WORD_S = 0.37


def chunks(size: int) -> list[SpeechSegment]:
    vad, chunker, found = ScriptedVad(SCRIPT), Chunker(GATE), []
    for i in range(0, len(CLOCK), size):
        found += chunker.feed(CLOCK[i : i + size], vad.feed(CLOCK[i : i + size]))
    return found + chunker.flush()


@pytest.mark.parametrize("size", [7, 160, 512, 4096])
def test_chunks_do_not_depend_on_packet_size(size: int):
    whole, parts = chunks(len(CLOCK)), chunks(size)
    assert len(parts) == len(whole)
    for part, expected in zip(parts, whole, strict=True):
        np.testing.assert_array_equal(part.samples, expected.samples)
        assert (part.index, part.shared_after) == (expected.index, expected.shared_after)
        assert part.speech_probability == expected.speech_probability


def test_neighbours_overlap_and_the_last_one_ends_with_the_speech():
    found = chunks(160)
    assert [c.shared_after for c in found] == [OVERLAP] * 6 + [0] + [0] + [OVERLAP, 0] + [OVERLAP, 0]
    for chunk, following in itertools.pairwise(found):
        if chunk.shared_after:
            assert len(chunk.samples) == CHUNK
            assert following.start_sample == chunk.start_sample + CHUNK - OVERLAP
        else:
            assert following.start_sample >= chunk.start_sample + len(chunk.samples)


def test_memory_is_let_go_in_speech_without_a_pause():
    chunker = Chunker(GATE)
    for _ in range(100):
        chunker.feed(np.zeros(100 * VAD_WINDOW, np.float32), [0.9] * 100)
    assert chunker._buffer.end - chunker._buffer._start < CHUNK + 100 * VAD_WINDOW
    assert len(chunker._heard) < 200


class Reader:
    """Hears a numbered word every 0.37 s of the stream; one that is cut, it hears wrongly."""

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        return [self._read(u.samples) for u in utterances]

    def _read(self, samples: np.ndarray) -> Transcript:
        start_s, end_s = samples[0] / SAMPLE_RATE, (samples[-1] + 1) / SAMPLE_RATE
        words = []
        for n in range(int(start_s / WORD_S), int(end_s / WORD_S) + 1):
            begins, ends = max(start_s, n * WORD_S), min(end_s, (n + 1) * WORD_S)
            if ends - begins > 0.05:
                whole = ends - begins > WORD_S - 1e-3
                words.append(
                    Word(f" {n}" if whole else f" cut-{begins:.3f}-{ends:.3f}", begins - start_s, ends - start_s, 0.9)
                )
        return Transcript(**{**vars(transcript("".join(w.text for w in words).strip())), "words": tuple(words)})


def test_every_word_is_captioned_once():
    script = windows((20, 0), (600, 0.97), (20, 0))
    captioner = Captioner(Reader(), "en", GATE, SessionOptions(mode="chunks"), ScriptedVad(script))
    clock = np.arange(len(script) * VAD_WINDOW, dtype=np.float32)
    made = [c for i in range(0, len(clock), 1600) for c in captioner.feed(clock[i : i + 1600])] + captioner.flush()
    texts = " ".join(c.text for c in made).split()
    numbers = [int(t) for t in texts if t.isdigit()]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert len(numbers) > 50
    assert all(c.final and c.words[0].start_s == c.start_s for c in made)
    assert [c.index for c in made] == sorted({c.index for c in made})


def word(text: str, start_s: float) -> Word:
    return Word(f" {text}", start_s, start_s + 0.2, 0.9)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([("a", 1.5), ("b", 1.7)], [("b", 1.75), ("c", 2.0)], "a b c"),
        ([("a", 1.5), ("b", 1.7)], [("B,", 1.75), ("c", 2.0)], "a B, c"),
        ([("a", 1.5), ("ex-", 1.85)], [("x", 1.5), ("extension", 1.8)], "a extension"),
        ([("the", 1.4), ("a", 1.6)], [("the", 2.2), ("c", 2.4)], "the a the c"),  # said twice, not heard twice
        ([], [("c", 2.0)], "c"),
        ([("a", 1.9)], [], "a"),
    ],
)
def test_neighbours_join_where_they_agree_or_in_the_middle(before, after, expected: str):
    made = joined([word(*w) for w in before], [word(*w) for w in after], middle_s=1.75)
    assert " ".join(w.text.strip() for w in made) == expected
