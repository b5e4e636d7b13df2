"""qal captions MODEL FILE: a file played as if spoken into the microphone, and captioned."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from qal.audio.decode import decode
from qal.audio.gate import GateOptions
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.captions.captioner import PACKET_SAMPLES, Captioner
from qal.captions.final_captions import Caption
from qal.captions.options import SessionOptions
from qal.cli.engine_options import EngineOptions, describe_engine, load_engine
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.json_text import json_text
from qal.text.subtitles.formats import cue_fields
from qal.text.subtitles.timestamps import format_timestamp

CLEAR_LINE = "\r\x1b[K"
PARTIAL_WIDTH = 100  # characters; a longer line would wrap and could not be redrawn


class CaptionOptions(EngineOptions, frozen=True):
    file: Path = positional("audio or video that FFmpeg can read", "FILE")
    realtime: bool = flag(False, "play as fast as it was spoken, and measure the delay")
    json_: bool = flag(False, JSON_HELP)
    gate: GateOptions = flag(GateOptions(), "when speech begins and ends")
    session: SessionOptions = flag(SessionOptions(), "how captions are made")


def main(arguments: Sequence[str]) -> None:
    about = "Plays a file in packets, as a microphone would, and prints the captions as they come."
    options = parse_options("qal captions", about, CaptionOptions, arguments)
    samples = decode(options.file, is_example=False)
    engine = load_engine(options)
    print(f"{options.model}: {describe_engine(engine)}", file=sys.stderr)
    session = options.session.model_copy(update={"languages": tuple(options.languages) or options.session.languages})
    captioner = Captioner(engine, options.language, options.gate, session)
    finals: list[Caption] = []
    delays_s: list[float] = []
    began = time.perf_counter()
    for caption in play(captioner, samples, options.realtime):
        show(caption)
        if caption.final and caption.text:
            finals.append(caption)
            delays_s.append(time.perf_counter() - began - caption.end_s)
    took_s = time.perf_counter() - began
    if options.json_:
        measured = report(finals, delays_s if options.realtime else [], captioner.language, took_s)
        print(json_text(measured, ensure_ascii=False))


def play(captioner: Captioner, samples: Samples, realtime: bool) -> Iterator[Caption]:
    """Yields captions as they are made. In real time, packets that became due during decoding are fed together."""
    began = time.perf_counter()
    fed = 0
    with tqdm(total=math.ceil(seconds(samples)), unit="s", leave=False, disable=realtime or None) as bar:
        while fed < len(samples):
            until = fed + PACKET_SAMPLES
            if realtime:
                time.sleep(max(0.0, until / SAMPLE_RATE - (time.perf_counter() - began)))
                until = max(until, int((time.perf_counter() - began) * SAMPLE_RATE) // PACKET_SAMPLES * PACKET_SAMPLES)
            packet = samples[fed:until]
            fed += len(packet)
            yield from captioner.feed(packet)
            bar.update(seconds(packet))
    yield from captioner.flush()


def show(caption: Caption) -> None:
    """Prints a final on a line of its own on stdout; redraws a partial on stderr, if that is a terminal."""
    if sys.stderr.isatty():
        partial = "" if caption.final else "… " + caption.text[-PARTIAL_WIDTH:]
        print(CLEAR_LINE + partial, end="", file=sys.stderr, flush=True)
    if caption.final and caption.text:
        print(f"[{format_timestamp(caption.start_s)} --> {format_timestamp(caption.end_s)}] {caption.text}", flush=True)


def report(finals: list[Caption], delays_s: list[float], language: str | None, took_s: float) -> dict:
    measured = {f"delay_p{share}_s": round(float(np.percentile(delays_s, share)), 3) for share in (50, 95) if delays_s}
    captions = [cue_fields(caption) for caption in finals]
    return {"captions": captions, "language": language, "took_s": round(took_s, 3), **measured}
