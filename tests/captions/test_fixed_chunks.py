"""Fixed chunks: their positions in the stream, and the words of their overlaps."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from qal.audio.gate import GateOptions
from qal.audio.samples import SAMPLE_RATE
from qal.audio.vad import VAD_WINDOW
from qal.captions.captioner import Captioner
from qal.captions.fixed_chunks import CHUNK_SAMPLES, OVERLAP_SAMPLES, ChunkSegmenter, join_overlap
from qal.captions.options import SessionOptions
from qal.captions.segmenter import Segmenter, SpeechSegment
from qal.captions.session import CaptionSession
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from qal.engine.words import Word
from tests.fakes import ScriptedVad, transcript, vad_probabilities

GATE = GateOptions(pre_roll_ms=64, post_roll_ms=32, min_speech_ms=64, hang_over_ms=128)
PROBABILITIES = vad_probabilities(
    (20, 0), (300, 0.97), (30, 0), (2, 0.9), (30, 0), (64, 0.9), (3, 0.1), (30, 0.9), (20, 0), (90, 0.8)
)
# Each sample's value is its own position in the stream.
SAMPLES = np.arange(len(PROBABILITIES) * VAD_WINDOW + 100, dtype=np.float32)
WORD_S = 0.37


def cut_stream(packet_samples: int) -> list[SpeechSegment]:
    vad, segmenter, chunks = ScriptedVad(PROBABILITIES), ChunkSegmenter(GATE), []
    for i in range(0, len(SAMPLES), packet_samples):
        packet = SAMPLES[i : i + packet_samples]
        chunks += segmenter.feed(packet, vad.feed(packet))
    return chunks + segmenter.flush()


@pytest.mark.parametrize("packet_samples", [7, 160, 512, 4096])
def test_chunks_do_not_depend_on_packet_size(packet_samples: int):
    at_once, in_packets = cut_stream(len(SAMPLES)), cut_stream(packet_samples)
    assert len(in_packets) == len(at_once)
    for chunk, expected in zip(in_packets, at_once, strict=True):
        np.testing.assert_array_equal(chunk.samples, expected.samples)
        assert (chunk.index, chunk.overlap_samples) == (expected.index, expected.overlap_samples)
        assert chunk.speech_probability == expected.speech_probability


def test_neighbouring_chunks_overlap_and_the_last_chunk_ends_with_the_speech():
    chunks = cut_stream(160)
    overlap = OVERLAP_SAMPLES
    assert [c.overlap_samples for c in chunks] == [overlap] * 6 + [0] + [0] + [overlap, 0] + [overlap, 0]
    for chunk, following in itertools.pairwise(chunks):
        if chunk.overlap_samples:
            assert len(chunk.samples) == CHUNK_SAMPLES
            assert following.start_sample == chunk.start_sample + CHUNK_SAMPLES - OVERLAP_SAMPLES
        else:
            assert following.start_sample >= chunk.start_sample + len(chunk.samples)


def test_memory_stays_bounded_during_speech_without_a_pause():
    segmenter = ChunkSegmenter(GATE)
    for _ in range(100):
        segmenter.feed(np.zeros(100 * VAD_WINDOW, np.float32), [0.9] * 100)
    assert segmenter._buffer.end - segmenter._buffer._start < CHUNK_SAMPLES + 100 * VAD_WINDOW
    assert len(segmenter._probabilities) < 200


class NumberedWordEngine:
    """Transcribes a numbered word every 0.37 s of the stream; a word that the chunk cuts off gets a wrong text."""

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        return [self._transcribe(u.samples) for u in utterances]

    def _transcribe(self, samples: np.ndarray) -> Transcript:
        chunk_start_s, chunk_end_s = samples[0] / SAMPLE_RATE, (samples[-1] + 1) / SAMPLE_RATE
        words = []
        for n in range(int(chunk_start_s / WORD_S), int(chunk_end_s / WORD_S) + 1):
            start_s, end_s = max(chunk_start_s, n * WORD_S), min(chunk_end_s, (n + 1) * WORD_S)
            if end_s - start_s > 0.05:
                is_complete = end_s - start_s > WORD_S - 1e-3
                text = f" {n}" if is_complete else f" cut-{start_s:.3f}-{end_s:.3f}"
                words.append(Word(text, start_s - chunk_start_s, end_s - chunk_start_s, 0.9))
        return Transcript(**{**vars(transcript("".join(w.text for w in words).strip())), "words": tuple(words)})


def test_every_word_of_overlapping_chunks_is_captioned_once():
    probabilities = vad_probabilities((20, 0), (600, 0.97), (20, 0))
    vad = ScriptedVad(probabilities)
    captioner = Captioner(NumberedWordEngine(), "en", GATE, SessionOptions(mode="chunks"), vad)
    samples = np.arange(len(probabilities) * VAD_WINDOW, dtype=np.float32)
    captions = [c for i in range(0, len(samples), 1600) for c in captioner.feed(samples[i : i + 1600])]
    captions += captioner.flush()
    texts = " ".join(c.text for c in captions).split()
    numbers = [int(t) for t in texts if t.isdigit()]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert len(numbers) > 50
    assert all(c.final and c.words[0].start_s == c.start_s for c in captions)
    assert [c.index for c in captions] == sorted({c.index for c in captions})


def word(text: str, start_s: float) -> Word:
    return Word(f" {text}", start_s, start_s + 0.2, 0.9)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([("a", 1.5), ("b", 1.7)], [("b", 1.75), ("c", 2.0)], "a b c"),
        ([("a", 1.5), ("b", 1.7)], [("B,", 1.75), ("c", 2.0)], "a B, c"),
        ([("a", 1.5), ("ex-", 1.85)], [("x", 1.5), ("extension", 1.8)], "a extension"),
        ([("the", 1.4), ("a", 1.6)], [("the", 2.2), ("c", 2.4)], "the a the c"),  # two occurrences in the speech
        ([], [("c", 2.0)], "c"),
        ([("a", 1.9)], [], "a"),
    ],
)
def test_overlapping_chunks_join_at_an_equal_word_or_in_the_middle(before, after, expected: str):
    joined = join_overlap([word(*w) for w in before], [word(*w) for w in after], middle_s=1.75)
    assert " ".join(w.text.strip() for w in joined) == expected


@pytest.mark.parametrize("packet_samples", [160, 4096])
def test_words_that_wait_for_the_next_chunk_are_not_settled(packet_samples: int):
    session = CaptionSession("en", GATE, SessionOptions(mode="chunks"), ScriptedVad(PROBABILITIES))
    engine, waiting = NumberedWordEngine(), 0
    for i in range(0, len(SAMPLES), packet_samples):
        for request in session.feed(SAMPLES[i : i + packet_samples]).requests:
            session.add_transcript(request, *engine.transcribe([session.utterance(request)]))
            pending = session._finals.pending_sample
            waiting += pending is not None
            assert pending is None or session.settled_sample <= pending
        assert session.settled_sample % VAD_WINDOW == 0
    assert waiting


@pytest.mark.parametrize("min_speech_ms", [64, 80, 96, 112, 128])
def test_gate_segments_and_chunks_agree_on_the_shortest_speech(min_speech_ms: int):
    gate = GATE.model_copy(update={"min_speech_ms": min_speech_ms})
    for windows in range(1, 6):
        probabilities = vad_probabilities((5, 0), (windows, 0.9), (10, 0))
        samples = np.zeros(len(probabilities) * VAD_WINDOW, np.float32)
        during = samples[: (5 + windows) * VAD_WINDOW]
        opened = Segmenter(gate)
        opened.feed(during, probabilities[: 5 + windows])
        is_speech = bool(Segmenter(gate).feed(samples, probabilities))
        assert (opened.open_speech() is not None) == is_speech
        assert bool(ChunkSegmenter(gate).feed(samples, probabilities)) == is_speech
