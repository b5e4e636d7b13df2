"""What is said and what is invented, on a simulated clock: as fast as the engine reads."""

import re
import tempfile
from pathlib import Path

import numpy as np
import psutil

from audio.decode import decode
from audio.samples import SAMPLE_RATE, Samples, seconds
from benchmarks.live.spoken import Clip, Stream, make_stream
from captions.captioner import Captioner
from captions.session import Caption
from corpus.importers.debian import unpack_packages
from engine.engine import Engine
from evaluation.bootstrap import PairedDifference, paired_difference
from evaluation.score import SEED, SpokenReference, score_engines
from evaluation.wer import ErrorCounts, count_errors

PACKET = SAMPLE_RATE // 10
# Sounds without words that open the gate: animals, instruments, machines; and music while one waits.
NON_SPEECH = {
    "tuxpaint-stamps-default": tuple(  # its other folders hold spoken letters, numbers and wishes
        f"usr/share/tuxpaint/stamps/{kind}/**/*.{form}"
        for kind in ("animals", "hobbies", "household", "naturalforces", "vehicles")
        for form in ("ogg", "wav")
    ),
    "asterisk-moh-opsound-wav": ("usr/share/asterisk/moh/**/*.wav",),
    "sound-theme-freedesktop": ("usr/share/sounds/freedesktop/**/*.oga",),
}
SPOKEN = re.compile("_desc|audio-channel-")  # descriptions; "front left"
MUSIC_S, SOUNDS_S, SILENCE_S, NOISE_S = 180, 300, 120, 90


def captions_of(engine: Engine, samples: Samples, language: str | None) -> list[Caption]:
    captioner = Captioner(engine, language)
    shown = [c for i in range(0, len(samples), PACKET) for c in captioner.feed(samples[i : i + PACKET])]
    return [*shown, *captioner.flush()]


def live_against_offline(engine: Engine, clips: list[Clip]) -> tuple[ErrorCounts, ErrorCounts, PairedDifference]:
    """(live, offline, live - offline): the same utterances in a stream with pauses, and one by one."""
    live: list[str] = []
    for language in sorted({clip[2] for clip in clips}):
        stream = make_stream([c for c in clips if c[2] == language])
        live += texts_by_utterance(stream, [c for c in captions_of(engine, stream.samples, language) if c.final])
    ordered = sorted(clips, key=lambda clip: clip[2])
    references = [SpokenReference(samples, text, language) for samples, text, language in ordered]
    offline = list(score_engines({"offline": engine}, references)["offline"].hypotheses)
    texts = [text for _, text, _ in ordered]
    counts = count_errors(texts, live), count_errors(texts, offline)
    return *counts, paired_difference(*counts, np.random.default_rng(SEED))


def texts_by_utterance(stream: Stream, finals: list[Caption]) -> list[str]:
    """Each caption belongs to the utterance whose speech it overlaps most."""
    texts: list[list[str]] = [[] for _ in stream.spoken]
    for caption in finals:
        overlaps = [min(caption.end_s, s.end_s) - max(caption.start_s, s.start_s) for s in stream.spoken]
        texts[int(np.argmax(overlaps))].append(caption.text)
    return [" ".join(parts) for parts in texts]


def false_words(engine: Engine, cache: Path) -> dict[str, dict[str, float]]:
    """For each kind of sound without words: seconds, and words that were shown as final."""
    rng = np.random.default_rng(0)
    silence = np.zeros(SILENCE_S * SAMPLE_RATE, np.float32)
    noise = rng.normal(0, 0.02, NOISE_S * SAMPLE_RATE).astype(np.float32)
    found = {"silence": silence, "noise": noise, **non_speech(cache)}
    return {name: _false_words(engine, samples) for name, samples in found.items()}


def _false_words(engine: Engine, samples: Samples) -> dict[str, float]:
    finals = [c for c in captions_of(engine, samples, None) if c.final and c.text]
    return {
        "seconds": round(seconds(samples), 1),
        "false_words": sum(len(c.text.split()) for c in finals),
        "texts": [c.text[:60] for c in finals],  # pyright: ignore[reportReturnType]
    }


def non_speech(cache: Path) -> dict[str, Samples]:
    """Debian's sounds, fetched once; those in which somebody speaks are left out."""
    if not cache.is_dir():
        with tempfile.TemporaryDirectory(dir=cache.parent) as temporary:
            unpack_packages(list(NON_SPEECH), Path(temporary)).rename(cache)
    files = {
        name: [p for pattern in patterns for p in sorted(cache.glob(pattern)) if not SPOKEN.search(p.name)]
        for name, patterns in NON_SPEECH.items()
    }
    music = files.pop("asterisk-moh-opsound-wav")
    sounds = [p for paths in files.values() for p in paths]
    return {"music": _joined(music, MUSIC_S), "sounds": _joined(sounds, SOUNDS_S)}


def _joined(files: list[Path], limit_s: float) -> Samples:
    parts, total = [np.zeros(SAMPLE_RATE, np.float32)], 0.0
    for path in files:
        samples = decode(path)[: 20 * SAMPLE_RATE]
        parts += [samples, np.zeros(SAMPLE_RATE // 2, np.float32)]
        total += seconds(samples) + 0.5
        if total >= limit_s:
            break
    return np.concatenate(parts)


def memory_growth(engine: Engine, clips: list[Clip], minutes: int = 60, early: int = 5) -> dict[str, float]:
    """Megabytes of the process after 5 and after 60 simulated minutes of one session."""
    stream = make_stream(clips, pause_s=8.0).samples
    captioner, fed, after = Captioner(engine, clips[0][2]), 0, {}
    for minute in range(1, minutes + 1):
        while fed < minute * 60 * SAMPLE_RATE:
            start = fed % (len(stream) - PACKET)
            captioner.feed(stream[start : start + PACKET])
            fed += PACKET
        if minute in (early, minutes):
            after[minute] = psutil.Process().memory_info().rss / 1e6
    growth = after[minutes] - after[early]
    return {
        "mb_after_5_min": round(after[early], 1),
        "growth_mb": round(growth, 1),
        "growth_share": round(growth / after[early], 4),
    }
