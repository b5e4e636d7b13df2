"""The file of the registry of models: runs/registry.jsonl, one line for each registration and each change of stage.

A log of lines and not a database: nothing is ever changed in it, so that the history is complete by itself; a line that
a crash tore is recognised and left out; it can be read, searched and kept under version control with any tool; and it
works on network disks, where SQLite's locks often do not. It has a few lines for each model, never many."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, FiniteFloat, ValidationError, field_validator, model_validator

from qal.engine.model_directory import MeasuredScore
from qal.errors import ModelError
from qal.storage import require_regular, storage_errors
from qal.text.plain_line import plain_line

REGISTRY_FILE = "registry.jsonl"
LOCK_FILE = ".registry.lock"
MAX_REGISTRY_BYTES = 20_000_000
MAX_NOTE = 1000  # characters
MODEL_ID = r"^\w[\w.-]{0,119}$"
Action = Literal["register", "promote", "retire", "roll back"]
Stage = Literal["candidate", "serving", "retired"]
GateState = Literal["passed", "failed", "not checked"]


class RegisteredModel(BaseModel, frozen=True):
    """An exported model as it was when it was registered."""

    id: str = Field(pattern=MODEL_ID)
    directory: str = Field(min_length=1, max_length=4096, description="relative to the runs, or absolute")
    weights_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of model.bin")
    weights_bytes: int = Field(ge=0)
    run: str | None = Field(default=None, max_length=200)
    base_model: str = Field(default="unknown", max_length=1000)
    languages: tuple[str, ...] = ()
    corpus_version: str | None = Field(default=None, max_length=200)
    git_revision: str | None = Field(default=None, max_length=200, description="of Qal, when the model was trained")
    measured: MeasuredScore | None = None
    gate: GateState = "not checked"

    @field_validator("directory")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("the directory has characters that cannot be printed")
        return value


class RegistryEvent(BaseModel, frozen=True):
    """One line of the registry."""

    action: Action
    id: str = Field(pattern=MODEL_ID)
    time: FiniteFloat = Field(default_factory=time.time, ge=0, description="seconds since 1970")
    by: str = Field(default="", max_length=200, description="who did it")
    note: str = Field(default="", max_length=MAX_NOTE)
    model: RegisteredModel | None = Field(default=None, description="of a registration")

    @field_validator("by", "note", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        return plain_line(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _model_belongs_to_registration(self) -> Self:
        if (self.action == "register") != (self.model is not None) or (self.model and self.model.id != self.id):
            raise ValueError("a registration holds its model, another action does not")
        return self


def read_events(runs: Path) -> list[RegistryEvent]:
    """Reads the registry of a folder of runs; [] if there is none. A last line that a crash tore is left out.

    Raises:
        ModelError: another line is damaged, or the file is too large.
        StorageError: it cannot be read."""
    path = runs / REGISTRY_FILE
    with storage_errors(f"the registry {path}"):
        try:
            if require_regular(path).stat().st_size > MAX_REGISTRY_BYTES:
                raise ModelError(f"{path}: larger than {MAX_REGISTRY_BYTES:,} bytes; it is no registry of models")
            content = path.read_bytes()
        except FileNotFoundError:
            return []
    *lines, torn = content.split(b"\n")
    events = [_parse(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    del torn  # "" where the last line is complete
    return events


def _parse(path: Path, number: int, line: bytes) -> RegistryEvent:
    try:
        return RegistryEvent.model_validate_json(line)
    except (ValidationError, RecursionError) as error:
        raise ModelError(f"{path}: line {number} is damaged; delete this line, or restore the file") from error


def append_event(runs: Path, event: RegistryEvent) -> None:
    """Appends an event; it is on disk when this returns. The caller holds the lock.

    What a crash left of an unfinished line is removed first. Raises StorageError."""
    path = runs / REGISTRY_FILE
    with storage_errors(f"the registry {path}"), path.open("a+b") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(event.model_dump_json(exclude_none=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def registry_lock(runs: Path) -> Iterator[None]:
    """Waits until no other thread or process changes the registry. Raises StorageError."""
    with storage_errors(f"the registry in {runs}"):
        runs.mkdir(parents=True, exist_ok=True)
        with (runs / LOCK_FILE).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
