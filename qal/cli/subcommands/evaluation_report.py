"""qal evaluate report EVALUATION: the reports of an evaluation as HTML, JSON, CSV and PNG."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.json_text import json_text
from ui_components.evaluate.report.files import FORMATS, write_report


class ReportOptions(BaseModel, frozen=True):
    evaluation: Path = positional("folder of an evaluation, with evaluation.json and rows.jsonl", "EVALUATION")
    out: Path | None = flag(None, "folder for the files; unset: `report` in the folder of the evaluation", "DIR")
    normaliser: str | None = flag(None, "unset: that of the evaluation", "NAME")
    format: list[str] = Field(list(FORMATS), description=f"some of {', '.join(FORMATS)}; unset: all")
    without_phonemes: bool = flag(False, "do not compare pronunciations, which needs espeak-ng")
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    about = "Writes the reports of an evaluation: error rates, breakdowns, confusions and the worst examples."
    options = parse_options("qal evaluate report", about, ReportOptions, arguments)
    files = write_report(
        options.evaluation,
        options.out or options.evaluation / "report",
        options.normaliser,
        tuple(options.format),
        not options.without_phonemes,
    )
    print(json_text({"files": [str(file) for file in files]}) if options.json_ else "\n".join(map(str, files)))
