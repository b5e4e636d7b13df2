"""python -m augmentation preview FILE --preset strong --out DIR"""

import argparse
import json
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from audio.decode import decode
from augmentation.noise import check_folder
from augmentation.options import AugmentationOptions, Preset
from augmentation.preview import preview, write_preview
from errors import CommandParser, OptionError, run_command, storage_errors


def main() -> None:
    options = _parser().parse_args()
    augmentation = _augmentation(options)
    for folder in augmentation.folders:
        check_folder(folder)
    samples = decode(options.file, options.max_seconds)
    found = preview(samples, augmentation, options.seed, voices=[options.file])
    with storage_errors(f"the folder {options.out}"):
        paths = write_preview(found, options.out)
    for path in paths:
        print(path)
    if options.json:
        print(json.dumps({"folder": str(options.out), "transforms": [a.name for a in found[1:]]}))


def _augmentation(options: argparse.Namespace) -> AugmentationOptions:
    values: dict = {"preset": options.preset}
    values |= {"background": {"folder": options.noises}} if options.noises else {}
    values |= {"reverb": {"folder": options.rooms}} if options.rooms else {}
    try:
        return AugmentationOptions.model_validate(values)
    except ValidationError as error:
        raise OptionError(f"{error.errors()[0]['msg']}; see --help") from error


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="python -m augmentation", description="Hear what augmentation does to speech.")
    commands = parser.add_subparsers(dest="command", required=True)
    about = "a WAV and a picture of each transform of a preset, and of all together"
    one = commands.add_parser("preview", help=about, description=about)
    one.add_argument("file", type=Path, metavar="FILE", help="a recording of speech")
    one.add_argument("--preset", choices=get_args(Preset), default="strong", help="which transforms (default: strong)")
    one.add_argument("--noises", metavar="DIR", help="folder of noises and music; unset: the recording's own babble")
    one.add_argument("--rooms", metavar="DIR", help="folder of recorded impulse responses; unset: made rooms")
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files are written")
    one.add_argument("--seed", type=int, default=0, help="another seed draws other strengths (default: 0)")
    one.add_argument("--max-seconds", type=float, default=30, help="longer recordings are refused (default: 30)")
    one.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    return parser


if __name__ == "__main__":
    run_command(main)
