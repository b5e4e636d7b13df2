"""python -m captions MODEL FILE: a file played as if spoken into the microphone."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from jsonargparse import ArgumentParser
from tqdm import tqdm

from audio.decode import decode
from audio.gate import GateOptions
from audio.samples import SAMPLE_RATE, Samples, seconds
from captions.captioner import PACKET, Captioner
from captions.session import Caption, SessionOptions
from engine.command_line import add_engine_arguments, description, load_engine, parse, parser
from errors import run_command
from text.subtitles import clock

CLEAR_LINE = "\r\x1b[K"
TENTATIVE_WIDTH = 100  # characters; a longer one would wrap and could not be redrawn


def arguments_parser() -> ArgumentParser:
    made = parser("captions", "Plays a file in packets, as a microphone would, and prints the captions as they come.")
    made.add_argument("file", metavar="FILE", type=Path, help="audio or video that FFmpeg can read")
    made.add_argument("--realtime", action="store_true", help="play as fast as it was spoken, and measure the delay")
    made.add_argument("--json", action="store_true", help="the last line is one JSON object")
    add_engine_arguments(made)
    made.add_argument("--gate", type=GateOptions, default=GateOptions(), help="when speech begins and ends")
    made.add_argument("--session", type=SessionOptions, default=SessionOptions(), help="how captions are made")
    return made


def main() -> None:
    arguments = parse(arguments_parser())
    samples = decode(arguments.file)
    engine = load_engine(arguments)
    print(f"{arguments.model}: {description(engine)}", file=sys.stderr)
    captioner = Captioner(engine, arguments.language, arguments.gate, arguments.session)
    finals: list[Caption] = []
    delays_s: list[float] = []
    began = time.perf_counter()
    for caption in play(captioner, samples, arguments.realtime):
        show(caption)
        if caption.final and caption.text:
            finals.append(caption)
            delays_s.append(time.perf_counter() - began - caption.end_s)
    took_s = time.perf_counter() - began
    if arguments.json:
        measured = report(finals, delays_s if arguments.realtime else [], captioner.language, took_s)
        print(json.dumps(measured, ensure_ascii=False))


def play(captioner: Captioner, samples: Samples, realtime: bool) -> Iterator[Caption]:
    """Captions as they come. In real time, packets that came due while the engine worked go in together."""
    began = time.perf_counter()
    fed = 0
    with tqdm(total=round(seconds(samples), 1), unit="s", leave=False, disable=realtime or None) as bar:
        while fed < len(samples):
            until = fed + PACKET
            if realtime:
                time.sleep(max(0.0, until / SAMPLE_RATE - (time.perf_counter() - began)))
                until = max(until, int((time.perf_counter() - began) * SAMPLE_RATE) // PACKET * PACKET)
            packet = samples[fed:until]
            fed += len(packet)
            yield from captioner.feed(packet)
            bar.update(seconds(packet))
    yield from captioner.flush()


def show(caption: Caption) -> None:
    """A final on a line of its own on stdout; a tentative redrawn on stderr, where that is a terminal."""
    if sys.stderr.isatty():
        tentative = "" if caption.final else "… " + caption.text[-TENTATIVE_WIDTH:]
        print(CLEAR_LINE + tentative, end="", file=sys.stderr, flush=True)
    if caption.final and caption.text:
        print(f"[{clock(caption.start_s)} --> {clock(caption.end_s)}] {caption.text}", flush=True)


def report(finals: list[Caption], delays_s: list[float], language: str | None, took_s: float) -> dict:
    measured = {f"delay_p{share}_s": round(float(np.percentile(delays_s, share)), 3) for share in (50, 95) if delays_s}
    captions = [{k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(c).items()} for c in finals]
    return {"captions": captions, "language": language, "took_s": round(took_s, 3), **measured}


if __name__ == "__main__":
    run_command(main)
