"""python -m augmentation preview FILE --preset strong --out DIR        python -m augmentation draw FILE --out WAV"""

import argparse
import json
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from audio.blocks import write_wav
from audio.decode import decode
from augmentation.noise import check_folder
from augmentation.options import AugmentationOptions, Preset
from augmentation.preview import draw, preview, write_preview
from errors import CommandParser, OptionError, run_command, storage_errors


def main() -> None:
    options = _parser().parse_args()
    {"preview": _preview, "draw": _draw}[options.command](options)


def _preview(options: argparse.Namespace) -> None:
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


def _draw(options: argparse.Namespace) -> None:
    augmentation = _augmentation(options)
    if options.everything:
        augmentation = augmentation.certainly(*(n for n, s in augmentation.switches.items() if s.probability))
    samples = decode(options.file, options.max_seconds)
    altered, names = draw(samples, augmentation, options.seed, options.voices or [options.file])
    with storage_errors(f"the file {options.out}"):
        write_wav(options.out, altered)
    print(f"{options.out}: {', '.join(names) or 'nothing was applied'}")
    if options.json:
        print(json.dumps({"file": str(options.out), "transforms": names}))


def _augmentation(options: argparse.Namespace) -> AugmentationOptions:
    values: dict = {"preset": options.preset, **_switches(options)}
    values |= {"background": {"folder": options.noises}} if options.noises else {}
    values |= {"reverb": {"folder": options.rooms}} if options.rooms else {}
    try:
        return AugmentationOptions.model_validate(values)
    except ValidationError as error:
        raise OptionError(f"{error.errors()[0]['msg']}; see --help") from error


def _switches(options: argparse.Namespace) -> dict:
    try:
        values = json.loads(getattr(options, "switches", "{}"))
    except ValueError as error:
        raise OptionError(f"--switches is not JSON ({error}); see --help") from error
    if not isinstance(values, dict):
        raise OptionError("--switches should be a JSON object; see --help")
    return values


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="python -m augmentation", description="Hear what augmentation does to speech.")
    commands = parser.add_subparsers(dest="command", required=True)
    about = "a WAV and a picture of each transform of a preset, and of all together"
    one = commands.add_parser("preview", help=about, description=about)
    _add_common(one)
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files are written")
    about = "one WAV: the recording as training would hear it once"
    other = commands.add_parser("draw", help=about, description=about)
    _add_common(other)
    other.add_argument("--out", type=Path, required=True, metavar="WAV", help="the file that is written")
    other.add_argument(
        "--switches",
        default="{}",
        metavar="JSON",
        help="""what wins over the preset, such as '{"gain": {"probability": 1}}'""",
    )
    other.add_argument("--everything", action="store_true", help="apply all that is switched on, whatever its chance")
    other.add_argument("--voices", type=Path, nargs="+", metavar="FILE", help="speech that babble is made of")
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a recording of speech")
    presets = get_args(Preset)
    parser.add_argument("--preset", choices=presets, default="strong", help="which transforms (default: strong)")
    parser.add_argument("--noises", metavar="DIR", help="folder of noises and music; unset: the recording's own babble")
    parser.add_argument("--rooms", metavar="DIR", help="folder of recorded impulse responses; unset: made rooms")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other strengths (default: 0)")
    parser.add_argument("--max-seconds", type=float, default=30, help="longer recordings are refused (default: 30)")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")


if __name__ == "__main__":
    run_command(main)
