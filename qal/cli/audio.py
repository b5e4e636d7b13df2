"""python -m audio FILE... [--json]: how good recordings are, as the Data tab shows it"""

import argparse
import dataclasses
import json
from pathlib import Path

from tqdm import tqdm

from audio.blocks import sound_format
from audio.survey import MAX_SURVEY_S, Survey, survey
from errors import CommandParser, run_command


def main() -> None:
    options = _parser().parse_args()
    for path in options.files:
        found = _surveyed(path)
        facts = {"file": str(path), **dataclasses.asdict(found.quality), "speech": found.speech}
        print(json.dumps(facts) if options.json else "\n".join(_lines(path, found)))


def _surveyed(path: Path) -> Survey:
    sound_format(path)  # says what is wrong before a bar is drawn
    with tqdm(desc=path.name, unit=" s of sound", unit_scale=True, delay=2, leave=False) as bar:
        return survey(path, MAX_SURVEY_S, lambda done_s, _: bar.update(done_s - bar.n))


def _lines(path: Path, found: Survey) -> list[str]:
    figures = dataclasses.asdict(found.quality).items()
    rows = [f"  {name:<14}{'unknown' if value is None else f'{value:.4g}'}" for name, value in figures]
    return [f"{path}", *rows]


def _parser() -> argparse.ArgumentParser:
    about = "Level, clipping, loudness, noise and speech of recordings."
    parser = CommandParser(prog="python -m audio", description=about)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a recording")
    parser.add_argument("--json", action="store_true", help="print one JSON object a file, with where the speech is")
    return parser


if __name__ == "__main__":
    run_command(main)
