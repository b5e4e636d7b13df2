"""qal audio FILE...: level, clipping, loudness, noise and speech of recordings, as the Data tab shows them."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel
from tqdm import tqdm

from qal.audio.analysis import MAX_ANALYSIS_S, AudioAnalysis, analyse
from qal.audio.blocks import read_audio_format
from qal.cli.parsing import flag, parse_options, positional
from qal.errors import QalError
from qal.json_text import json_text


class AudioOptions(BaseModel, frozen=True):
    files: list[Path] = positional("a recording", "FILE")
    json_: bool = flag(False, "print one JSON object a file, with the regions of speech")


def main(arguments: Sequence[str]) -> None:
    about = "Measures level, clipping, loudness, noise and speech of recordings."
    options = parse_options("qal audio", about, AudioOptions, arguments)
    errors = []
    for path in options.files:
        try:
            found = _surveyed(path)
        except QalError as error:
            errors.append(error)
            continue
        facts = {"file": str(path), **dataclasses.asdict(found.quality), "speech": found.speech, "notes": found.notes}
        print(json_text(facts) if options.json_ else "\n".join(_lines(path, found)), flush=True)
    if errors:  # after all results; the last one becomes the command's error
        for error in errors[:-1]:
            print(f"error: {error}", file=sys.stderr)
        raise errors[-1]


def _surveyed(path: Path) -> AudioAnalysis:
    read_audio_format(path)  # raises its error before a progress bar is drawn
    with tqdm(desc=path.name, unit=" s of sound", unit_scale=True, delay=2, leave=False) as bar:
        return analyse(path, MAX_ANALYSIS_S, lambda done_s, _: bar.update(done_s - bar.n))


def _lines(path: Path, found: AudioAnalysis) -> list[str]:
    figures = dataclasses.asdict(found.quality).items()
    rows = [f"  {name:<14}{'unknown' if value is None else f'{value:.4g}'}" for name, value in figures]
    return [f"{path}", *rows, *(f"  {'note':<14}{note}" for note in found.notes)]
