"""Held-out utterances with pauses between them, each with the true end of its speech and of its words."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.audio.vad import VAD_WINDOW, VadStream
from qal.corpus.manifest import read_corpus
from qal.corpus.split import evenly_spaced
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.text.normalisation.basic import normalise_basic

PAUSE_S = 1.2
NOISE_FLOOR = 3e-4  # -70 dB: recordings are never digitally silent
SPEECH = 0.5  # probability from which a VAD window counts as speech


@dataclass(frozen=True)
class Spoken:
    """One utterance of a stream; times are seconds in the stream."""

    text: str
    language: str
    start_s: float
    end_s: float  # end of the last window of speech


@dataclass(frozen=True)
class Stream:
    samples: Samples
    spoken: tuple[Spoken, ...]

    @property
    def duration_s(self) -> float:
        return seconds(self.samples)


Clip = tuple[Samples, str, str]  # (trimmed speech, text, language)


def load_clips(folder: Path, n: int, min_s: float = 1.5, max_s: float = 12.0, one_word: bool = False) -> list[Clip]:
    """Loads n test examples spread over a corpus, cut to their speech; examples of one word are not cut."""
    corpus = read_corpus(folder)
    rows = [r for r in corpus.select("test") if min_s <= r.duration_s <= max_s and r.text]
    rows = [r for r in rows if not one_word or len(normalise_basic(r.text).split()) == 1]
    chosen = evenly_spaced(rows, n)
    recorded = [decode(corpus.audio_path(r)) for r in chosen]
    return [(x if one_word else trimmed(x), r.text, r.language) for x, r in zip(recorded, chosen, strict=True)]


def trimmed(samples: Samples) -> Samples:
    """Cuts samples to the part from the first to the last window of speech."""
    speech = np.flatnonzero(VadStream().feed(samples) >= SPEECH)
    return samples[speech[0] * VAD_WINDOW : (speech[-1] + 1) * VAD_WINDOW] if len(speech) else samples


def make_stream(clips: list[Clip], pause_s: float = PAUSE_S, seed: int = 0) -> Stream:
    pause = np.zeros(int(pause_s * SAMPLE_RATE), np.float32)
    parts, spoken, at = [pause], [], len(pause)
    for samples, text, language in clips:
        spoken.append(Spoken(text, language, at / SAMPLE_RATE, (at + len(samples)) / SAMPLE_RATE))
        parts += [samples, pause]
        at += len(samples) + len(pause)
    whole = np.concatenate(parts)
    noise = np.random.default_rng(seed).normal(0, NOISE_FLOOR, len(whole)).astype(np.float32)
    return Stream(whole + noise, tuple(spoken))


def word_ends(stock: Engine, clips: list[Clip], stream: Stream) -> list[list[tuple[str, float]]]:
    """For each utterance, the words that stock weights predict at 30 s, with the end time of each."""
    found = []
    for (samples, _, language), spoken in zip(clips, stream.spoken, strict=True):
        (transcript,) = stock.transcribe([Utterance(samples, language)], DecodingOptions(words=True))
        words = [(normalise_basic(w.text), spoken.start_s + w.end_s) for w in transcript.words]
        found.append([(word, end_s) for word, end_s in words if word])
    return found
