"""The form of "Add data": what the user states about a source, and the command line that it stands for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from qal.corpus.corrections import CORPUS_NAME
from qal.corpus.importers.listing import Role
from qal.errors import OptionError
from qal.subcommand import qal_command

SourceKind = Literal["upload", "folder", "hub"]
ROLES: tuple[Role, ...] = get_args(Role)
ROLE_LABELS: Mapping[Role, str] = {
    "file": "Audio file",
    "text": "Text",
    "speaker": "Speaker",
    "language": "Language column",  # beside the language of the whole dataset
    "translation": "Translation",
    "split": "Split",
    "start": "Start time",
    "end": "End time",
    "duration": "Duration",
}
AUTOMATIC = ""  # of a column: found by its name
MAX_CHARACTERS = 400


class ImportForm(BaseModel, frozen=True):
    """The values of the form. The names of the fields are those of its components."""

    kind: SourceKind = "upload"
    path: str = Field(default="", description="on the server, of an upload or a folder")
    repository: str = ""
    config: str = ""
    split: str = Field(default="", description="of a dataset of the hub, such as train[:500]")
    name: str = Field(default="", description="of the new dataset")
    language: str = ""
    licence: str = ""
    attribution: str = ""
    no_text: bool = False
    max_problems: float = 10.0  # %
    columns: dict[Role, str] = {}

    def arguments(self) -> list[str]:
        """Returns the arguments of `qal corpus import` that name the source and the options. Raises OptionError."""
        if self.kind == "hub":
            arguments = ["hub", self._repository(), *_flags(config=self.config, split=self.split)]
        else:
            arguments = ["folder", self.path]
        columns = ",".join(f"{role}={column}" for role, column in self.columns.items() if column)
        flags = {
            "language": self.language,
            "columns": columns,
            "licence": self.licence,
            "attribution": self.attribution,
            "max_problems": f"{self.max_problems / 100:g}",
        }
        return [*arguments, *_flags(**flags), *(["--no-text"] if self.no_text else [])]

    def preview_command(self) -> list[str]:
        return qal_command("corpus", "import", *self.arguments(), "--dry-run", "--json")

    def import_command(self, data: Path) -> list[str]:
        """Returns the command that makes the dataset. Raises OptionError for a name that cannot be used."""
        out = data.resolve() / self._name(data)
        return qal_command("corpus", "import", *self.arguments(), "--out", str(out), "--json")

    def _repository(self) -> str:
        repository = self.repository.strip().removeprefix("https://huggingface.co/datasets/").strip("/")
        if not repository or repository.startswith("-"):
            raise OptionError("give the name of the dataset on the hub as OWNER/NAME")
        return repository

    def _name(self, data: Path) -> str:
        if not CORPUS_NAME.fullmatch(self.name) or self.name.startswith("-"):
            raise OptionError("a dataset name has 1 to 64 letters, digits, - or _; choose such a name")
        if (data / self.name).exists():
            raise OptionError(f"there is a dataset '{self.name}' already; choose another name")
        return self.name


def form_of(values: Mapping[str, Any]) -> ImportForm:
    """Returns the form of its components' values; None is an empty field. Raises OptionError for long texts."""
    given = {name: value for name, value in values.items() if value is not None}
    if any(isinstance(value, str) and len(value) > MAX_CHARACTERS for value in given.values()):
        raise OptionError(f"a field has more than {MAX_CHARACTERS} characters; shorten it")
    return ImportForm.model_validate(given)


def column_note(form: ImportForm) -> str:
    """Returns why a chosen column cannot be used, "" if all can: the command line separates columns by commas."""
    bad = next((column for column in form.columns.values() if "," in column or "=" in column), "")
    return f"The column '{bad}' has a comma or an equals sign in its name; rename it in the table." if bad else ""


def _flags(**values: str) -> list[str]:
    """Returns `--name=value` for each value that is not empty, so that no value is taken for an option."""
    return [f"--{name.replace('_', '-')}={value.strip()}" for name, value in values.items() if value.strip()]
