"""qal transcribe MODEL FILE...: files to text or subtitles."""

import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from tqdm import tqdm

from qal.audio.decode import decode
from qal.audio.samples import seconds
from qal.cli.engine_options import EngineOptions, describe_engine, load_engine
from qal.cli.parsing import flag, parse_options, positional
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine
from qal.engine.longform.options import LONGFORM_DECODING, LongformOptions
from qal.engine.longform.segment import Segment
from qal.engine.longform.transcription import transcribe_file
from qal.errors import AudioDecodeError, OptionError
from qal.storage import storage_errors
from qal.text.subtitles.formats import SUBTITLE_FORMATS, TranscriptDetails

BEAM_SIZE = DecodingOptions.model_fields["beam_size"]


class TranscribeOptions(EngineOptions, frozen=True):
    files: list[Path] = positional("audio or video that FFmpeg can read", "FILE")
    format: Literal[*SUBTITLE_FORMATS] = flag("txt", "format of the text")  # pyright: ignore[reportInvalidTypeForm]
    task: Literal["transcribe", "translate"] = flag("transcribe", "translate: into English")
    out: Path | None = flag(None, "folder for one file each, named like the audio; unset: stdout", "DIR")
    beam_size: Annotated[int, *BEAM_SIZE.metadata] = flag(1, BEAM_SIZE.description or "", "N")
    longform: LongformOptions = flag(LongformOptions(), "how files are cut into segments")


def main(arguments: Sequence[str]) -> None:
    about = "Transcribes files of any length; the text goes to stdout, or into --out."
    options = parse_options("qal transcribe", about, TranscribeOptions, arguments)
    targets = output_paths(options.files, options.out, options.format)
    decoding = LONGFORM_DECODING.model_copy(update={"beam_size": options.beam_size, "words": options.format != "txt"})
    engine = load_engine(options)
    print(f"{options.model}: {describe_engine(engine)}", file=sys.stderr)
    failures = []
    for path, target in zip(options.files, targets, strict=True):
        try:
            segments = transcribed(engine, path, decoding, options)
        except AudioDecodeError as error:
            failures.append(str(error))
            continue
        details = TranscriptDetails(task=options.task, title=path.stem)
        content = SUBTITLE_FORMATS[options.format].format(segments, details=details)
        if target:
            with storage_errors(str(target)):
                target.write_bytes(content)
        else:
            print(content.decode("utf-8-sig"), end="", flush=True)
    if failures:
        raise AudioDecodeError("; ".join(failures))


def output_paths(files: list[Path], folder: Path | None, form: str) -> list[Path | None]:
    """The output file of each input; None is stdout."""
    if folder is None:
        if len(files) > 1 and form != "txt":
            raise OptionError(f"several files do not fit into one {form}; give --out DIR")
        if not SUBTITLE_FORMATS[form].is_text:
            raise OptionError(f"{form} is no text that can be printed; give --out DIR")
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


def transcribed(engine: Engine, path: Path, decoding: DecodingOptions, options: TranscribeOptions) -> list[Segment]:
    """Transcribes one file, with a progress bar and a line about the speed."""
    samples = decode(path)
    longform = options.longform.model_copy(update={"languages": tuple(options.languages) or options.longform.languages})
    began = time.perf_counter()
    with tqdm(total=math.ceil(seconds(samples)), unit="s", desc=path.name, leave=False, file=sys.stderr) as bar:
        segments = transcribe_file(
            engine, samples, options.language, options.task, decoding, longform, progress=bar.update
        )
    took_s = time.perf_counter() - began
    summary = f"language {spoken_languages(segments)}" if segments else "no speech"
    factor = took_s / max(seconds(samples), 1e-9)
    speed = f"{seconds(samples):.1f} s in {took_s:.1f} s, real-time factor {factor:.3f}"
    print(f"{path.name}: {speed}, {summary}", file=sys.stderr)
    return segments


def spoken_languages(segments: Sequence[Segment]) -> str:
    """Returns the languages of the segments, the most spoken one first."""
    spoken_s: dict[str, float] = {}
    for segment in segments:
        spoken_s[segment.language] = spoken_s.get(segment.language, 0.0) + segment.end_s - segment.start_s
    return ", ".join(sorted(spoken_s, key=lambda language: -spoken_s[language]))
