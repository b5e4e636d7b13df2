"""Word errors and invented words on a simulated clock, as fast as the engine decodes."""

import re
import tempfile
from pathlib import Path

import numpy as np
import psutil

from benchmarks.live.spoken import Clip, Stream, make_stream
from qal.audio.decode import decode
from qal.audio.gate import DEFAULT_GATE, GateOptions
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.captions.captioner import PACKET_SAMPLES, Captioner, split_packets
from qal.captions.final_captions import Caption
from qal.captions.options import DEFAULT_SESSION, SessionOptions
from qal.corpus.importers.debian import unpack_packages
from qal.corpus.words import count_words
from qal.engine.engine import Engine, Utterance
from qal.evaluation.bootstrap import PairedDifference, paired_difference
from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.evaluation.scoring import SEED, SpokenReference, score_engines
from qal.text.normalisation.basic import normalise_basic

# Sounds without words that open the gate: animals, instruments, machines, ghosts; and music on hold.
NON_SPEECH = {
    "tuxpaint-stamps-default": ("usr/share/tuxpaint/stamps/**/*.ogg", "usr/share/tuxpaint/stamps/**/*.wav"),
    "asterisk-moh-opsound-wav": ("usr/share/asterisk/moh/**/*.wav",),
    "sound-theme-freedesktop": ("usr/share/sounds/freedesktop/**/*.oga",),
}
# Sounds of a game, with grunting ogres and howling winds; measured only after every bound was chosen.
HELD_OUT = {"wesnoth-1.16-data": ("usr/share/games/wesnoth/*/data/core/sounds/**/*.ogg",)}
# Files that contain speech: descriptions, letters and numbers, a moon landing, "front left".
SPOKEN = re.compile("_desc|symbols/(alphabets|math)|dreydl-|apollo_lander|audio-channel-")
SILENCE_S, NOISE_S, LONGEST_SOUND_S = 120, 90, 60


def captions_of(
    engine: Engine,
    samples: Samples,
    language: str | None,
    options: SessionOptions = DEFAULT_SESSION,
    gate: GateOptions = DEFAULT_GATE,
) -> list[Caption]:
    captioner = Captioner(engine, language, gate, options)
    shown = [c for packet in split_packets(samples) for c in captioner.feed(packet)]
    return [*shown, *captioner.flush()]


def live_against_offline(engine: Engine, clips: list[Clip]) -> tuple[ErrorCounts, ErrorCounts, PairedDifference]:
    """Counts errors (live, offline, live - offline) of the same utterances in a stream with pauses, and one by one."""
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
    """Assigns each caption to the utterance whose speech it overlaps most."""
    texts: list[list[str]] = [[] for _ in stream.spoken]
    for caption in finals:
        overlaps = [min(caption.end_s, s.end_s) - max(caption.start_s, s.start_s) for s in stream.spoken]
        texts[int(np.argmax(overlaps))].append(caption.text)
    return [" ".join(parts) for parts in texts]


def false_words(engine: Engine, cache: Path) -> dict[str, dict]:
    """For each kind of sound without words: seconds, and words that were shown as final.

    Every sound has a session of its own, so that no detected language is kept from the previous one."""
    rng = np.random.default_rng(0)
    silence = np.zeros(SILENCE_S * SAMPLE_RATE, np.float32)
    noise = rng.normal(0, 0.02, NOISE_S * SAMPLE_RATE).astype(np.float32)
    found = {"silence": [silence], "noise": [noise]}
    found |= {name: sounds_of(name, patterns, cache) for name, patterns in (NON_SPEECH | HELD_OUT).items()}
    return {name: _false_words(engine, sounds) for name, sounds in found.items()}


def _false_words(engine: Engine, sounds: list[Samples]) -> dict:
    texts = [c.text for sound in sounds for c in captions_of(engine, sound, None) if c.final and c.text]
    return {
        "seconds": round(sum(map(seconds, sounds)), 1),
        "sounds": len(sounds),
        "false_words": sum(map(count_words, texts)),
        "texts": texts,
    }


def sounds_of(package: str, patterns: tuple[str, ...], cache: Path) -> list[Samples]:
    """A Debian package's sounds, fetched once, with half a second of silence before and a second after each."""
    folder = cache / package
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            unpack_packages([package], Path(temporary)).rename(folder)
    before, after = np.zeros(SAMPLE_RATE // 2, np.float32), np.zeros(SAMPLE_RATE, np.float32)
    return [
        np.concatenate([before, decode(path)[: LONGEST_SOUND_S * SAMPLE_RATE], after])
        for pattern in patterns
        for path in sorted(folder.glob(pattern))
        if not SPOKEN.search(str(path.relative_to(folder)))
    ]


def lost_words(engine: Engine, clips: list[Clip]) -> dict:
    """Finds one-word utterances that offline decoding gets right and live captions lose or misread.

    Each is played in a session of its own, after a second of quiet noise."""
    found: dict = {"right_offline": 0, "not_shown": [], "read_otherwise": []}
    for samples, text, language in clips:
        (offline,) = engine.transcribe([Utterance(samples, language)])
        if normalise_basic(offline.text) != normalise_basic(text):
            continue
        found["right_offline"] += 1
        stream = make_stream([(samples, text, language)])
        live = " ".join(c.text for c in captions_of(engine, stream.samples, language) if c.final)
        if normalise_basic(live) != normalise_basic(text):
            found["read_otherwise" if live else "not_shown"].append(f"{text}: {live}")
    return found


def memory_growth(engine: Engine, clips: list[Clip], minutes: int = 60, early: int = 5) -> dict[str, float]:
    """Measures the memory of one session over simulated minutes: in MB after `early` of them, and its growth."""
    stream = make_stream(clips, pause_s=8.0).samples
    captioner, fed, after = Captioner(engine, clips[0][2]), 0, {}
    for minute in range(1, minutes + 1):
        while fed < minute * 60 * SAMPLE_RATE:
            start = fed % (len(stream) - PACKET_SAMPLES)
            captioner.feed(stream[start : start + PACKET_SAMPLES])
            fed += PACKET_SAMPLES
        if minute in (early, minutes):
            after[minute] = psutil.Process().memory_info().rss / 1e6
    growth = after[minutes] - after[early]
    return {
        "mb_after_5_min": round(after[early], 1),
        "growth_mb": round(growth, 1),
        "growth_share": round(growth / after[early], 4),
    }
