"""The state of a dataset that is being recorded, in recording.json: its language, sentences and speakers."""

from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from qal.corpus.speakers import speaker_key
from qal.corpus.split import Split
from qal.errors import CorpusError
from qal.storage import require_regular, storage_errors

STATE_FILE = "recording.json"


class Sentence(BaseModel, frozen=True):
    """A sentence that is shown to the speakers."""

    text: str
    split: Split


class Speaker(BaseModel, frozen=True):
    """A person who records."""

    name: str
    consent: str = Field(description="the text that the speaker agreed to")
    agreed_at: float = Field(description="seconds since 1970")
    user: str | None = Field(default=None, description="the user of the page who records for this speaker")


class RecordingState(BaseModel, frozen=True):
    """Contents of recording.json."""

    language: str
    sentences: tuple[Sentence, ...]
    speakers: tuple[Speaker, ...] = ()

    def speaker(self, name: str) -> Speaker | None:
        """Returns the speaker of this name, whatever its capitals and spaces."""
        return next((s for s in self.speakers if speaker_key(s.name) == speaker_key(name)), None)


def read_state(folder: Path) -> RecordingState:
    """Reads the state. Raises CorpusError if it is invalid, StorageError if it cannot be read."""
    path = folder / STATE_FILE
    try:
        with storage_errors(f"the dataset {folder}"):
            return RecordingState.model_validate_json(require_regular(path).read_bytes())
    except ValidationError as error:
        raise CorpusError(f"{path}: invalid; correct it, or record into another dataset") from error


def write_state(folder: Path, state: RecordingState) -> None:
    """Replaces the state as a whole."""
    new = folder / f".{STATE_FILE}.new"
    new.write_text(state.model_dump_json(indent=1), encoding="utf-8")
    new.replace(folder / STATE_FILE)
