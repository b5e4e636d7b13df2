"""qal evaluate delete ID…: deletes stored evaluations."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.evaluation.removal import delete_evaluation
from qal.evaluation.stored import EVALUATIONS
from qal.json_text import json_text

ABOUT = (
    "Deletes evaluations with their transcripts, at once and for good; the same evaluation can be made again. One that "
    "a process is writing is not deleted. Votes of blind tests stay."
)


class DeleteOptions(BaseModel, frozen=True):
    evaluations: list[str] = positional("the ids of evaluations, which are the names of their folders", "ID")
    out: Path = flag(EVALUATIONS, "folder in which evaluations are stored", "DIR")
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal evaluate delete", ABOUT, DeleteOptions, arguments)
    for identifier in options.evaluations:
        delete_evaluation(options.out, identifier)
        if not options.json_:
            print(f"{identifier} was deleted.")
    if options.json_:
        print(json_text({"deleted": options.evaluations}))
