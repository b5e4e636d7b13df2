"""Measures what is written of phrases said several times, of fast speech, and after a change of language."""

import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph

from benchmarks.live.quality import captions_of
from benchmarks.live.spoken import Clip, load_clips, make_stream
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.corpus.words import count_words
from qal.engine.engine import Engine, Utterance
from qal.engine.longform.options import LongformOptions
from qal.engine.longform.transcription import transcribe_file
from qal.evaluation.error_rates import count_errors

TIMES_SAID = (6, 12)
GAP_S = 0.2  # between repetitions
LONGEST_S = 28.0
FAST = 1.5
SHORT_S, LONG_S = 5.0, 28.0
EDGE_S = 0.5


def said_again(engine: Engine, clips: list[Clip]) -> dict[str, float]:
    """Counts how often phrases that were said 6 and 12 times are written, as files and as live captions."""
    errors: dict[str, list[float]] = {"file": [], "live": []}
    audio_s = took_s = 0.0
    for samples, _, language in clips:
        (once,) = engine.transcribe([Utterance(np.concatenate([silence(GAP_S), samples]), language)])
        words = max(1, count_words(once.text, language))
        for times in TIMES_SAID:
            repeated = repeat(samples, times)
            if seconds(repeated) > LONGEST_S:
                continue
            began = time.perf_counter()
            segments = transcribe_file(engine, repeated, language)
            took_s, audio_s = took_s + time.perf_counter() - began, audio_s + seconds(repeated)
            finals = [c for c in captions_of(engine, repeated, language) if c.final]
            for name, found in (("file", segments), ("live", finals)):
                written = sum(count_words(cue.text, language) for cue in found) / words
                errors[name].append(abs(written - times))
    shares = {f"said_again_{name}_right_share": float(np.mean(np.array(e) <= 1)) for name, e in errors.items()}
    return {**shares, "said_again_phrases": len(errors["file"]), "said_again_file_s_per_audio_s": took_s / audio_s}


def fast_speech(engine: Engine, clips: list[Clip]) -> dict[str, float]:
    """Counts word errors of speech at 1.5 times its speed, in short and in long segments of a file."""
    fast = at_tempo(make_stream(clips, pause_s=0.05).samples, FAST)
    text, language = " ".join(text for _, text, _ in clips), clips[0][2]
    wer = {}
    for name, target_s in (("short", SHORT_S), ("long", LONG_S)):
        options = LongformOptions(target_s=target_s)
        found = " ".join(s.text for s in transcribe_file(engine, fast, language, options=options))
        wer[f"fast_wer_{name}"] = count_errors([text], [found]).wer
    return wer


def change_of_language(engine: Engine, first: list[Clip], then: list[Clip]) -> dict[str, int]:
    """Counts the lines after a greeting in another language that are captioned in the wrong language."""
    stream = make_stream([first[0], *then], pause_s=0.7)
    finals = [c for c in captions_of(engine, stream.samples, None) if c.final and c.text]
    after = [c.language for c in finals if c.start_s >= stream.spoken[1].start_s - EDGE_S]
    wrong = [i for i, language in enumerate(after, 1) if language != then[0][2]]
    return {"lines": len(after), "wrong_lines": len(wrong), "last_wrong_line": max(wrong, default=0)}


def said_figures(engine: Engine, folders: list[Path]) -> dict[str, float]:
    """Returns the figures of all three for the first two corpora, in different languages."""
    figures: dict[str, float] = {}
    spoken = [load_clips(folder, 12, min_s=2.0, max_s=6.0) for folder in folders[:2]]
    phrases = [clip for folder in folders[:2] for clip in load_clips(folder, 12, min_s=0.6, max_s=2.2)]
    figures |= said_again(engine, phrases)
    for clips, others in (spoken, spoken[::-1]):
        language, other = clips[0][2], others[0][2]
        figures |= {f"{k}_{language}": v for k, v in fast_speech(engine, clips).items()}
        changed = change_of_language(engine, clips, others)
        figures |= {f"{language}_then_{other}_{k}": v for k, v in changed.items()}
    return {name: round(value, 4) for name, value in figures.items()}


def at_tempo(samples: Samples, factor: float) -> Samples:
    """Changes the tempo of samples, (n,), with FFmpeg's filter `atempo`; the pitch stays."""
    graph = Graph()
    source = graph.add_abuffer(
        sample_rate=SAMPLE_RATE, format="fltp", layout="mono", time_base=Fraction(1, SAMPLE_RATE)
    )
    tempo, sink = graph.add("atempo", f"{factor}"), graph.add("abuffersink")
    source.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
    graph.push(frame)
    graph.push(None)
    parts = []
    with suppress(av.BlockingIOError, EOFError):
        while True:
            parts.append(graph.pull().to_ndarray()[0])
    return np.concatenate(parts)


def repeat(samples: Samples, times: int) -> Samples:
    return np.concatenate([silence(EDGE_S), *[samples, silence(GAP_S)] * times, silence(EDGE_S)])


def silence(duration_s: float) -> Samples:
    return np.zeros(round(duration_s * SAMPLE_RATE), np.float32)
