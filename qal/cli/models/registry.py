"""qal models register, promote, retire, rollback, history: which exported model serves."""

import getpass
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from qal.cli.models.gate import EXIT_FAILED, GateOptions, gate, report_text, run_of
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.cli.quiet import quiet_transformers
from qal.engine.catalogue import resolve
from qal.engine.registry.records import GateState, RegisteredModel
from qal.engine.registry.registry import Registry, RegistryState
from qal.engine.weights.pypi_weights import WEIGHTS_FILE, sha256_of
from qal.evaluation.gate_report import GateReport, read_gate_report
from qal.json_text import json_text

ID_HELP = "a model's id, its run, or the beginning of its id"
RUNS = Path("runs")


class RegisterOptions(BaseModel, frozen=True):
    model: str = positional("a run's id or a model directory", "MODEL")
    runs: Path = flag(RUNS, "folder of the runs, which holds the registry", "DIR")
    note: str = flag("", "a remark, kept with the registration", "TEXT")
    by: str | None = flag(None, "who does it; unset: the account of this machine", "NAME")
    corpus: list[Path] = flag([], "corpora for the gate; unset: those of the model's run", "DIR")
    no_gate: bool = flag(False, "register without the gate; a result of it that is there is used")
    json_: bool = flag(False, JSON_HELP)


class StageOptions(BaseModel, frozen=True):
    model: str = positional(ID_HELP, "ID")
    runs: Path = flag(RUNS, "folder of the runs, which holds the registry", "DIR")
    note: str = flag("", "a remark, kept in the history", "TEXT")
    by: str | None = flag(None, "who does it; unset: the account of this machine", "NAME")
    json_: bool = flag(False, JSON_HELP)


class PromoteOptions(StageOptions, frozen=True):
    despite_gate: bool = flag(False, "also promote a model that failed the gate")


class RollbackOptions(BaseModel, frozen=True):
    runs: Path = flag(RUNS, "folder of the runs, which holds the registry", "DIR")
    note: str = flag("", "a remark, kept in the history", "TEXT")
    by: str | None = flag(None, "who does it; unset: the account of this machine", "NAME")
    json_: bool = flag(False, JSON_HELP)


class HistoryOptions(BaseModel, frozen=True):
    runs: Path = flag(RUNS, "folder of the runs, which holds the registry", "DIR")
    json_: bool = flag(False, JSON_HELP)


def register_main(arguments: Sequence[str]) -> None:
    about = (
        "Checks a model with the gate and adds it to the registry as a candidate. Exits with 1 if it failed the gate."
    )
    options = parse_options("qal models register", about, RegisterOptions, arguments)
    quiet_transformers()
    directory = resolve(options.model, options.runs)
    report = gate_result(options, directory)
    state: GateState = "not checked" if report is None else "passed" if report.passed else "failed"
    run = run_of(options.model, directory, options.runs)
    revision = git_revision(run.environment_file) if run else None
    model = Registry(options.runs).register(directory, revision, state, user_name(options.by), options.note)
    show(f"registered {model.id}, gate: {state}", model, options.json_)
    if state == "failed":
        sys.exit(EXIT_FAILED)


def git_revision(environment: Path) -> str | None:
    """Returns the revision of Qal that the last attempt of a run recorded; None if there is no such record."""
    revision = None
    for line in environment.read_bytes().splitlines() if environment.is_file() else ():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # torn on a full disk
            continue
        revision = row.get("git") if isinstance(row, dict) else revision
    return revision if isinstance(revision, str) else None


def gate_result(options: RegisterOptions, directory: Path) -> GateReport | None:
    """Returns the gate's result for these weights; without one, the gate is run unless --no-gate is given."""
    known = read_gate_report(directory)
    if known and known.weights_sha256 == sha256_of(directory / WEIGHTS_FILE):
        return known
    if options.no_gate:
        return None
    report = gate(GateOptions(model=options.model, corpus=options.corpus, runs=options.runs))
    print(report_text(report), file=sys.stderr)
    return report


def promote_main(arguments: Sequence[str]) -> None:
    about = "Makes a registered model the serving one; live captions and the API use it where they are told 'serving'."
    options = parse_options("qal models promote", about, PromoteOptions, arguments)
    registry = Registry(options.runs)
    model = registry.promote(options.model, user_name(options.by), options.note, options.despite_gate)
    show(f"{model.id} serves", model, options.json_)


def retire_main(arguments: Sequence[str]) -> None:
    about = "Retires a registered model that does not serve, so that no roll-back returns to it."
    options = parse_options("qal models retire", about, StageOptions, arguments)
    model = Registry(options.runs).retire(options.model, user_name(options.by), options.note)
    show(f"{model.id} is retired", model, options.json_)


def rollback_main(arguments: Sequence[str]) -> None:
    about = "Returns to the model that served before the serving one."
    options = parse_options("qal models rollback", about, RollbackOptions, arguments)
    model = Registry(options.runs).roll_back(user_name(options.by), options.note)
    show(f"{model.id} serves again", model, options.json_)


def history_main(arguments: Sequence[str]) -> None:
    options = parse_options(
        "qal models history", "Lists registered models and what was done.", HistoryOptions, arguments
    )
    registry = Registry(options.runs)
    state, events = registry.state(), registry.history()
    if options.json_:
        models = [{**model.model_dump(), "stage": state.stages[id_]} for id_, model in state.models.items()]
        print(json_text({"models": models, "events": [e.model_dump(exclude={"model"}) for e in events]}))
        return
    print("\n".join(model_lines(registry, state)) or "No model is registered; qal models register MODEL adds one.")
    for event in events:
        done = time.strftime("%Y-%m-%d %H:%M", time.localtime(event.time))
        print(f"{done}  {event.action:10}{event.id}  {event.by}  {event.note}".rstrip())


def model_lines(registry: Registry, state: RegistryState) -> list[str]:
    """Returns a line for each registered model, the newest first."""
    lines = []
    for model in reversed(state.models.values()):
        score = model.measured.error_rate.text if model.measured else ""
        problem = registry.problem(model)
        parts = (f"{state.stages[model.id]:10}{model.id}", score, f"gate: {model.gate}", problem)
        lines.append("  ".join(part for part in parts if part))
    return lines


def user_name(given: str | None) -> str:
    """Returns the name that is recorded: the given one, else that of the account."""
    try:
        return given or getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in a container
        return ""


def show(sentence: str, model: RegisteredModel, as_json: bool) -> None:
    print(json_text(model.model_dump()) if as_json else sentence)
