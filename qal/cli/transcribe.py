"""python -m engine MODEL FILE...: whole files -> text or subtitles."""

import sys
import time
from pathlib import Path
from typing import Annotated

from jsonargparse import ArgumentParser, Namespace
from tqdm import tqdm

from audio.decode import decode
from audio.samples import seconds
from engine.command_line import add_engine_arguments, description, load_engine, parse, parser
from engine.decoding import DecodingOptions
from engine.engine import Engine
from engine.longform import WHOLE_TEXT, LongformOptions, Segment, transcribe_file
from errors import AudioDecodeError, OptionError, run_command, storage_errors
from text.subtitles import FORMATS


def arguments_parser() -> ArgumentParser:
    made = parser("engine", "Transcribes whole files of any length; text goes to stdout, or into --out.")
    made.add_argument("files", metavar="FILE", nargs="+", type=Path, help="audio or video that FFmpeg can read")
    made.add_argument("--format", choices=tuple(FORMATS), default="txt", help="form of the text")
    tasks = ("transcribe", "translate")
    made.add_argument("--task", choices=tasks, default="transcribe", help="translate: into English")
    made.add_argument("--out", metavar="DIR", type=Path, help="folder for one file each, named like the audio")
    beam = DecodingOptions.model_fields["beam_size"]
    made.add_argument("--beam-size", type=Annotated[int, *beam.metadata], default=1, metavar="N", help=beam.description)
    add_engine_arguments(made)
    made.add_argument("--longform", type=LongformOptions, default=LongformOptions(), help="how files are cut")
    return made


def main() -> None:
    arguments = parse(arguments_parser())
    targets = output_paths(arguments.files, arguments.out, arguments.format)
    decoding = decoding_options(arguments.beam_size)
    engine = load_engine(arguments)
    print(f"{arguments.model}: {description(engine)}", file=sys.stderr)
    failures = []
    for path, target in zip(arguments.files, targets, strict=True):
        try:
            text = FORMATS[arguments.format](transcribed(engine, path, decoding, arguments))
        except AudioDecodeError as error:
            failures.append(str(error))
            continue
        if target:
            with storage_errors(str(target)):
                target.write_text(text, encoding="utf-8")
        else:
            print(text, end="", flush=True)
    if failures:
        raise AudioDecodeError("; ".join(failures))


def output_paths(files: list[Path], folder: Path | None, form: str) -> list[Path | None]:
    """Where each file's text goes; None is stdout."""
    if folder is None:
        if len(files) > 1 and form != "txt":
            raise OptionError(f"several files do not fit into one {form}; give --out DIR")
        return [None] * len(files)
    names = [f"{path.stem}.{form}" for path in files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(f"several files would be written to {twice[0]}; rename one or use two folders")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OptionError(f"{folder}: is a file, not a folder; give --out another name") from error
    taken = [folder / name for name in names if (folder / name).exists()]
    if taken:
        raise OptionError(f"{taken[0]}: exists already and is not written over; move it or give --out another folder")
    return [folder / name for name in names]


def decoding_options(beam_size: int) -> DecodingOptions:
    limits = DecodingOptions.model_json_schema()["properties"]["beam_size"]
    if not limits["minimum"] <= beam_size <= limits["maximum"]:
        raise OptionError(f"--beam-size {beam_size} is not between {limits['minimum']} and {limits['maximum']}")
    return WHOLE_TEXT.model_copy(update={"beam_size": beam_size})


def transcribed(engine: Engine, path: Path, decoding: DecodingOptions, arguments: Namespace) -> list[Segment]:
    """One file's segments, with a bar while it works and a line about the speed when it is done."""
    samples = decode(path)
    began = time.perf_counter()
    with tqdm(total=round(seconds(samples), 1), unit="s", desc=path.name, leave=False, file=sys.stderr) as bar:
        segments = transcribe_file(
            engine, samples, arguments.language, arguments.task, decoding, arguments.longform, progress=bar.update
        )
    took_s = time.perf_counter() - began
    heard = f"language {segments[0].language}" if segments else "no speech"
    factor = took_s / max(seconds(samples), 1e-9)
    speed = f"{seconds(samples):.1f} s in {took_s:.1f} s, real-time factor {factor:.3f}"
    print(f"{path.name}: {speed}, {heard}", file=sys.stderr)
    return segments


if __name__ == "__main__":
    run_command(main)
