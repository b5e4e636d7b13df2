"""The registry of exported models: which of them are candidates, which one serves, which are retired, and since when.

Exactly one model serves, or none. "serving" is its name wherever a model can be named. Promoting retires the model that
served before; a roll-back retires the serving model and returns to the one before it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from qal.engine.model_directory import is_model_directory, read_metadata
from qal.engine.registry.records import (
    MAX_NOTE,
    Action,
    GateState,
    RegisteredModel,
    RegistryEvent,
    Stage,
    append_event,
    read_events,
    registry_lock,
)
from qal.engine.weights.pypi_weights import WEIGHTS_FILE, sha256_of
from qal.errors import ModelError, OptionError

SERVING = "serving"  # the name of the serving model, wherever a model can be named
ID_DIGITS = 8  # of the weights' hash, at the end of an id


@dataclass
class RegistryState:
    """The models of a registry with their stages, derived from its events."""

    models: dict[str, RegisteredModel] = field(default_factory=dict)  # by id, in the order of registration
    stages: dict[str, Stage] = field(default_factory=dict)
    served: list[str] = field(default_factory=list)  # ids, the last one serves; those rolled back are removed

    @property
    def serving(self) -> RegisteredModel | None:
        current = self.served[-1] if self.served else None
        return self.models[current] if current and self.stages[current] == "serving" else None

    def apply(self, event: RegistryEvent) -> None:
        """Changes the state by an event; one about an unknown model changes nothing."""
        if event.model:
            self.models[event.id] = event.model
            self.stages.setdefault(event.id, "candidate")
        if event.id not in self.models or event.action == "register":
            return
        if event.action == "retire":
            self.stages[event.id] = "retired"
            self.served = [id_ for id_ in self.served if id_ != event.id]  # no roll-back returns to it
            return
        if self.served:
            self.stages[self.served[-1]] = "retired"
        if event.action == "roll back":  # to a model that served before
            while self.served and self.served[-1] != event.id:
                self.served.pop()
        if not self.served or self.served[-1] != event.id:
            self.served.append(event.id)
        self.stages[event.id] = "serving"


def state_of(events: Sequence[RegistryEvent]) -> RegistryState:
    """Derives the state from the events, in their order."""
    state = RegistryState()
    for event in events:
        state.apply(event)
    return state


class Registry:
    """The registry of a folder of runs. Threads and processes may change it at the same time."""

    def __init__(self, runs: Path):
        self._runs = runs

    def state(self) -> RegistryState:
        """Reads the registry. Raises ModelError if it is damaged."""
        return state_of(self.history())

    def history(self) -> list[RegistryEvent]:
        """Returns all events, the oldest first. Raises ModelError if the registry is damaged."""
        return read_events(self._runs)

    def directory(self, model: RegisteredModel) -> Path:
        """Returns the directory of a registered model, which may be gone."""
        return self._runs / model.directory  # an absolute path stays as it is

    def problem(self, model: RegisteredModel) -> str:
        """Returns why a registered model cannot be used, or "". The weights are judged by their size alone."""
        directory = self.directory(model)
        if not is_model_directory(directory):
            return f"its directory {directory} is gone"
        if (directory / WEIGHTS_FILE).stat().st_size != model.weights_bytes:
            return f"the weights in {directory} were replaced since it was registered"
        return ""

    def serving_directory(self) -> Path:
        """Returns the directory of the serving model. Raises ModelError if none serves, or its files are gone."""
        model = self.state().serving
        if model is None:
            raise ModelError(f"no model of {self._runs} is serving; choose one: qal models promote ID")
        if problem := self.problem(model):
            raise ModelError(f"the serving model {model.id} cannot be used: {problem}; run `qal models rollback`")
        return self.directory(model)

    def register(
        self,
        directory: Path,
        git_revision: str | None = None,
        gate: GateState = "not checked",
        by: str = "",
        note: str = "",
    ) -> RegisteredModel:
        """Adds a model as a candidate; a model whose weights are registered from there already keeps its id.

        Args:
            directory: the model directory.
            git_revision: of Qal, when the model was trained.
            gate: result of the gate.
            by: who registers it.
            note: a remark.

        Raises:
            ModelError: there is no model, the registry is damaged, or a copy of these weights serves.
            OptionError: the note is too long.
            StorageError: the registry cannot be written."""
        if not is_model_directory(directory):
            raise ModelError(f"{directory}: not a model directory; give a run with a model, or a model directory")
        model = self._describe(directory, git_revision, gate)
        with registry_lock(self._runs):
            state = self.state()
            known = state.models.get(model.id)
            if known and known.weights_sha256 == model.weights_sha256:
                if known.directory != model.directory and known == state.serving and not self.problem(known):
                    raise ModelError(f"{model.id} serves from {self.directory(known)} already; it stays there")
                if model.gate == "not checked":  # of the same weights
                    model = model.model_copy(update={"gate": known.gate})
            if known == model:
                return model
            self._append("register", model.id, by, note, model)
        return model

    def _describe(self, directory: Path, git_revision: str | None, gate: GateState) -> RegisteredModel:
        runs, directory = self._runs.resolve(), directory.resolve()
        inside = directory.is_relative_to(runs)
        metadata = read_metadata(directory)
        sha256 = sha256_of(directory / WEIGHTS_FILE)
        name = metadata.run or directory.name
        fields = {
            "id": f"{_safe(name)}-{sha256[:ID_DIGITS]}",
            "directory": str(directory.relative_to(runs) if inside else directory),
            "weights_sha256": sha256,
            "weights_bytes": (directory / WEIGHTS_FILE).stat().st_size,
            "run": metadata.run,
            "base_model": metadata.base_model,
            "languages": tuple(metadata.languages),
            "corpus_version": metadata.corpus_version,
            "git_revision": git_revision,
            "measured": metadata.measured,
            "gate": gate,
        }
        try:
            return RegisteredModel.model_validate(fields)
        except ValidationError as error:
            raise ModelError(f"{directory}: its qal.json is not that of an exported model; export it again") from error

    def promote(self, name: str, by: str = "", note: str = "", despite_gate: bool = False) -> RegisteredModel:
        """Makes a model the serving one, and retires the one that served.

        Args:
            name: its id, its run, or the beginning of one id alone.
            by: who promotes it.
            note: a remark.
            despite_gate: True also promotes a model that failed the gate.

        Raises:
            ModelError: there is no such model, its weights are not those that were registered, or it failed the gate.
            OptionError: the note is too long.
            StorageError: the registry cannot be written."""
        with registry_lock(self._runs):
            state = self.state()
            model = find_model(state, name)
            if state.serving == model:
                return model
            self._require_weights(model)
            if model.gate == "failed" and not despite_gate:
                raise ModelError(f"{model.id} failed the gate; mend it and register it again, or add --despite-gate")
            self._append("promote", model.id, by, note)
        return model

    def retire(self, name: str, by: str = "", note: str = "") -> RegisteredModel:
        """Retires a model that does not serve; the arguments and errors are those of `promote`."""
        with registry_lock(self._runs):
            state = self.state()
            model = find_model(state, name)
            if state.serving == model:
                raise ModelError(f"{model.id} is serving; promote another model, or roll back, instead")
            if state.stages[model.id] != "retired" or model.id in state.served:
                self._append("retire", model.id, by, note)
        return model

    def roll_back(self, by: str = "", note: str = "") -> RegisteredModel:
        """Returns to the model that served before the serving one; models whose weights are gone are passed over.

        Raises:
            ModelError: there is none.
            StorageError: the registry cannot be written."""
        with registry_lock(self._runs):
            state = self.state()
            for id_ in reversed(state.served[:-1]):
                if self._has_weights(state.models[id_]):
                    self._append("roll back", id_, by, note)
                    return state.models[id_]
        raise ModelError("no earlier model can serve; promote one: qal models promote ID")

    def _has_weights(self, model: RegisteredModel) -> bool:
        path = self.directory(model) / WEIGHTS_FILE
        return not self.problem(model) and sha256_of(path) == model.weights_sha256

    def _require_weights(self, model: RegisteredModel) -> None:
        if not self._has_weights(model):
            problem = self.problem(model) or "its weights were changed since it was registered"
            raise ModelError(f"{model.id} cannot serve: {problem}; register the model again")

    def _append(self, action: Action, id_: str, by: str, note: str, model: RegisteredModel | None = None) -> None:
        if len(note) > MAX_NOTE:
            raise OptionError(f"the note has {len(note)} characters; at most {MAX_NOTE} are kept")
        append_event(
            self._runs, RegistryEvent(action=action, id=id_, time=time.time(), by=by[:200], note=note, model=model)
        )


def find_model(state: RegistryState, name: str) -> RegisteredModel:
    """Finds a model by its id, by its run (the newest registration), or by the beginning of one id alone.

    Raises ModelError with the ids that exist."""
    if name in state.models:
        return state.models[name]
    of_run = [model for model in state.models.values() if model.run == name]
    if of_run:
        return of_run[-1]
    found = [model for id_, model in state.models.items() if name and id_.startswith(name)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(model.id for model in found or state.models.values()) or "none yet; qal models register SOURCE"
    raise ModelError(f"'{name}' is {'several models' if found else 'no registered model'}; there are: {known}")


def _safe(name: str) -> str:
    """Returns the name with only the characters of an id."""
    kept = "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-_")
    return kept[:100] or "model"
