"""Natural pauses inside of sentences: delays, cut sentences and word errors with an adaptive and with a fixed wait.

Each held-out utterance has one pause of 300-900 ms of its own room noise, at a comma or between words, and is followed
by 1.2 s. Sentences and errors are counted on a simulated clock, delays in real time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.live.player import percentiles, play
from benchmarks.live.quality import captions_of, texts_by_utterance
from benchmarks.live.spoken import Clip, Stream, make_stream, trimmed
from qal.audio.decode import decode
from qal.audio.gate import DEFAULT_GATE, GateOptions
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.final_captions import Caption
from qal.captions.options import SessionOptions
from qal.captions.scheduler import Scheduler
from qal.corpus.manifest import read_corpus
from qal.corpus.split import evenly_spaced
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.engine.words import Word
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.error_rates import count_errors
from qal.evaluation.scoring import SEED

FINALS_ONLY = SessionOptions(tentative_every_s=0)  # partial texts change no final one
FIXED = DEFAULT_GATE.model_copy(update={"adaptive_wait": False})
PAUSE_S = (0.3, 0.9)
MIN_S, MAX_S, MIN_WORDS = 2.0, 12.0, 4
GRAIN = 512  # samples; the noise is made of pieces of the quietest part of the recording
QUIET_GRAINS = 4
CUT_TOLERANCE_S = 0.4  # between the inserted pause and the end of a line
COMMAS = (",", ";", ":", "،", "፣", "、")


@dataclass(frozen=True)
class PausedClip:
    """An utterance with a pause inside; the pause is in seconds from its start."""

    clip: Clip
    pause_start_s: float
    pause_end_s: float


def load_paused_clips(folder: Path, n: int, aligner: Engine, seed: int = 0) -> list[PausedClip]:
    """Loads test examples of a corpus and puts a pause into each."""
    rng = np.random.default_rng(seed)
    corpus = read_corpus(folder)
    rows = [r for r in corpus.select("test") if MIN_S <= r.duration_s <= MAX_S and r.text]
    found = []
    for row in evenly_spaced(rows, n):
        recording = decode(corpus.audio_path(row))
        paused = with_pause(recording, row.text, row.language, aligner, rng)
        found += [paused] if paused else []
    return found


def with_pause(
    recording: Samples, text: str, language: str, aligner: Engine, rng: np.random.Generator
) -> PausedClip | None:
    """Puts a pause between two words, at a comma where there is one in half of the cases; None for short texts."""
    samples = trimmed(recording)
    (transcript,) = aligner.transcribe([Utterance(samples, language)], DecodingOptions(words=True))
    words = transcript.words
    if len(words) < MIN_WORDS:
        return None
    at = pause_position(words, rng)
    length = int(rng.uniform(*PAUSE_S) * SAMPLE_RATE)
    pause = room_noise(recording, length, rng)
    whole = np.concatenate([samples[:at], pause, samples[at:]])
    return PausedClip((whole, text, language), at / SAMPLE_RATE, (at + length) / SAMPLE_RATE)


def pause_position(words: Sequence[Word], rng: np.random.Generator) -> int:
    """Returns the sample between two words at which the pause is inserted."""
    commas = [i for i, word in enumerate(words[:-1]) if word.text.strip().endswith(COMMAS)]
    before = int(rng.choice(commas)) if commas and rng.random() < 0.5 else int(rng.integers(1, len(words) - 1))
    return int((words[before].end_s + words[before + 1].start_s) / 2 * SAMPLE_RATE)


def room_noise(recording: Samples, length: int, rng: np.random.Generator) -> Samples:
    """Makes noise of overlapping pieces of the quietest part of a recording, in random order: (length,)."""
    span = min(len(recording), QUIET_GRAINS * GRAIN)
    starts = range(0, max(1, len(recording) - span), GRAIN)
    quiet = min((recording[s : s + span] for s in starts), key=lambda part: float(np.mean(np.square(part))))
    window = np.sqrt(np.hanning(GRAIN)).astype(np.float32)  # random pieces add in power
    noise = np.zeros(length + 2 * GRAIN, np.float32)
    for start in range(0, length + GRAIN, GRAIN // 2):
        at = int(rng.integers(0, max(1, len(quiet) - GRAIN)))
        piece = quiet[at : at + GRAIN]
        noise[start : start + len(piece)] += window[: len(piece)] * piece
    return noise[GRAIN // 2 : GRAIN // 2 + length]


def end_pointing_figures(engine: Engine, corpora: Sequence[Path], n: int, n_real_time: int) -> tuple[dict, dict]:
    """Returns the figures of the adaptive wait, and those of the fixed one."""
    by_corpus = [load_paused_clips(folder, n, engine) for folder in corpora]
    adaptive, adaptive_counts = counted(engine, by_corpus, DEFAULT_GATE)
    fixed, fixed_counts = counted(engine, by_corpus, FIXED)
    paired = paired_difference(adaptive_counts, fixed_counts, np.random.default_rng(SEED))
    adaptive |= {
        "endings_wer_difference": round(paired.difference, 4),
        "endings_wer_difference_low": round(paired.low, 4),
        "endings_wer_difference_high": round(paired.high, 4),
    }
    for into, gate in ((adaptive, DEFAULT_GATE), (fixed, FIXED)):
        delays = [d for clips in by_corpus for d in real_time_delays(engine, clips[:n_real_time], gate)]
        into |= {f"endings_final_latency_ms_{name}": value for name, value in percentiles(delays).items()}
    return adaptive, fixed


def counted(engine: Engine, by_corpus: Sequence[Sequence[PausedClip]], gate: GateOptions):
    """Counts cut sentences and word errors on a simulated clock."""
    cut, texts, references = 0, [], []
    for clips in by_corpus:
        stream = make_stream([paused.clip for paused in clips])
        captions = captions_of(engine, stream.samples, clips[0].clip[2], FINALS_ONLY, gate)
        finals = [c for c in captions if c.final and c.text]
        cut += cut_sentences(stream, clips, finals)
        texts += texts_by_utterance(stream, finals)
        references += [paused.clip[1] for paused in clips]
    counts = count_errors(references, texts)
    figures = {
        "endings_sentences": len(references),
        "endings_cut": cut,
        "endings_cut_share": round(cut / len(references), 3),
        "endings_wer": round(counts.wer, 4),
    }
    return figures, counts


def cut_sentences(stream: Stream, clips: Sequence[PausedClip], finals: Sequence[Caption]) -> int:
    """Counts the utterances with a line that ends at their pause."""
    pauses = [
        (spoken.start_s + paused.pause_start_s, spoken.start_s + paused.pause_end_s)
        for spoken, paused in zip(stream.spoken, clips, strict=True)
    ]
    return sum(any(start - CUT_TOLERANCE_S < c.end_s < end for c in finals) for start, end in pauses)


def real_time_delays(engine: Engine, clips: Sequence[PausedClip], gate: GateOptions) -> list[float]:
    """Plays a stream in real time; returns the delays of the final texts in seconds."""
    scheduler = Scheduler(engine, workers=engine.workers)
    stream = make_stream([paused.clip for paused in clips])
    (played,), _ = play(scheduler, [stream], clips[0].clip[2], gate)
    scheduler.close()
    return played.final_delays()
