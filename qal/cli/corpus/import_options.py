"""Options that importers have in common."""

from pathlib import Path

from pydantic import BaseModel

from qal.cli.parsing import JSON_HELP, flag


class ImportOptions(BaseModel, frozen=True):
    """The options of every importer."""

    force: bool = flag(False, "replace an existing corpus")
    json_: bool = flag(False, JSON_HELP)


class OwnOptions(ImportOptions, frozen=True):
    """The options of the importers of your own speech."""

    language: str = flag(..., "language that is spoken: two or three letters, such as am", "XX")
    out: Path | None = flag(..., "the new corpus, such as data/my-voice", "DIR")
    no_text: bool = flag(False, "import the audio alone, for distillation")
    attribution: str = flag("", "name to credit")
