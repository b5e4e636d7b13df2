"""qal augment preview|draw FILE: what augmentation does to a recording."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from augmentation.noise import check_audio_folder
from augmentation.options import AugmentationOptions, Preset
from augmentation.preview import draw_sample, preview, write_preview
from qal.audio.blocks import write_wav
from qal.audio.decode import decode
from qal.cli.command import run_subcommand
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.errors import OptionError
from qal.json_text import json_text
from qal.storage import storage_errors

ABOUT_PREVIEW = "write a WAV and a picture of each transform of a preset, and of all together"
ABOUT_DRAW = "write one WAV: the recording as training would read it once"
SUBCOMMANDS = {
    "preview": (f"{__name__}:preview_main", ABOUT_PREVIEW),
    "draw": (f"{__name__}:draw_main", ABOUT_DRAW),
}


class CommonOptions(BaseModel, frozen=True):
    file: Path = positional("a recording of speech", "FILE")
    preset: Preset = flag("strong", "which transforms")
    noises: Path | None = flag(None, "folder of noises and music; unset: babble made of the recording", "DIR")
    rooms: Path | None = flag(None, "folder of recorded impulse responses; unset: synthetic rooms", "DIR")
    seed: int = flag(0, "another seed draws other strengths")
    max_seconds: float = flag(30.0, "longer recordings are refused", gt=0)
    json_: bool = flag(False, JSON_HELP)


class PreviewOptions(CommonOptions, frozen=True):
    out: Path = flag(..., "folder that the files are written to", "DIR")


class DrawOptions(CommonOptions, frozen=True):
    out: Path = flag(..., "the file that is written", "WAV")
    switches: str = flag("{}", """settings above the preset, such as '{"gain": {"probability": 1}}'""", "JSON")
    everything: bool = flag(False, "apply every transform that is switched on, whatever its probability")
    voices: list[Path] = flag([], "recordings of speech that babble is made of", "FILE")


def main(arguments: Sequence[str]) -> None:
    run_subcommand("qal augment", "Previews what augmentation does to a recording.", SUBCOMMANDS, arguments)


def preview_main(arguments: Sequence[str]) -> None:
    options = parse_options("qal augment preview", ABOUT_PREVIEW.capitalize() + ".", PreviewOptions, arguments)
    augmentation = _augmentation(options)
    for folder in augmentation.folders:
        check_audio_folder(folder)
    samples = decode(options.file, options.max_seconds)
    found = preview(samples, augmentation, options.seed, babble_paths=[options.file])
    with storage_errors(f"the folder {options.out}"):
        paths = write_preview(found, options.out)
    for path in paths:
        print(path)
    if options.json_:
        print(json_text({"folder": str(options.out), "transforms": [a.name for a in found[1:]]}))


def draw_main(arguments: Sequence[str]) -> None:
    options = parse_options("qal augment draw", ABOUT_DRAW.capitalize() + ".", DrawOptions, arguments)
    augmentation = _augmentation(options)
    if options.everything:
        augmentation = augmentation.with_only(*augmentation.enabled_transforms)
    samples = decode(options.file, options.max_seconds)
    altered, names = draw_sample(samples, augmentation, options.seed, options.voices or [options.file])
    with storage_errors(f"the file {options.out}"):
        write_wav(options.out, altered)
    print(f"{options.out}: {', '.join(names) or 'nothing was applied'}")
    if options.json_:
        print(json_text({"file": str(options.out), "transforms": names}))


def _augmentation(options: CommonOptions) -> AugmentationOptions:
    values: dict = {"preset": options.preset, **_switches(options)}
    values |= {"background": {"folder": str(options.noises)}} if options.noises else {}
    values |= {"reverb": {"folder": str(options.rooms)}} if options.rooms else {}
    try:
        return AugmentationOptions.model_validate(values)
    except ValidationError as error:
        raise OptionError(f"{error.errors()[0]['msg']}; see --help") from error


def _switches(options: CommonOptions) -> dict:
    try:
        values = json.loads(options.switches if isinstance(options, DrawOptions) else "{}")
    except ValueError as error:
        raise OptionError(f"--switches is not JSON ({error}); see --help") from error
    if not isinstance(values, dict):
        raise OptionError("--switches should be a JSON object; see --help")
    return values
