"""The commands of the registry, from registration to roll-back."""

import json
from pathlib import Path

import pytest

from qal.cli.models.gate import EXIT_FAILED, GateOptions, base_of, corpora_of, examples_of, run_of
from qal.cli.subcommands.models import main
from qal.corpus.manifest import Corpus
from qal.engine.model_directory import NO_METADATA, ModelMetadata
from qal.engine.weights.pypi_weights import sha256_of
from qal.errors import ModelError, OptionError
from qal.evaluation.gate_report import CheckResult, GateReport, write_gate_report
from qal.jobs.run import Run
from tests.model_folders import model_directory
from tests.run_folders import scripted_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two finished runs with models, the second trained by a known revision."""
    for width, name in enumerate(("first", "second"), start=8):
        run = scripted_run(tmp_path / "runs", name, "finished")
        model_directory(run.model, width=width, metadata=ModelMetadata(base_model="base", run=name))
    Run(tmp_path / "runs" / "second").environment_file.write_text('{"git": "old"}\n{"git": "a1b2"}\n{"git": "to')
    return tmp_path / "runs"


def command(name: str, *arguments: str, runs: Path) -> None:
    main([name, *arguments, "--runs", str(runs), *([] if name == "history" else ["--by", "ada"])])


def history(runs: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    capsys.readouterr()
    main(["history", "--runs", str(runs), "--json"])
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_models_are_registered_promoted_rolled_back_and_listed(runs, capsys):
    for name in ("first", "second"):
        command("register", str(runs / name), "--no-gate", runs=runs)
        command("promote", name, "--note", "try it", runs=runs)
    command("rollback", runs=runs)
    found = history(runs, capsys)
    assert [(model["run"], model["stage"]) for model in found["models"]] == [
        ("first", "serving"),
        ("second", "retired"),
    ]
    assert found["models"][1]["git_revision"] == "a1b2"
    assert [event["action"] for event in found["events"]] == ["register", "promote"] * 2 + ["roll back"]
    assert {event["by"] for event in found["events"]} == {"ada"}
    command("history", runs=runs)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("retired   second-")
    assert "roll back" in lines[-1]
    with pytest.raises(ModelError, match="is serving"):
        command("retire", "first", runs=runs)


def test_result_of_the_gate_is_used_only_for_the_weights_it_checked(runs, capsys):
    directory = runs / "first" / "model"
    failed = CheckResult(name="silence", state="failed", detail="too many words")
    report = GateReport(model="first", weights_sha256=sha256_of(directory / "model.bin"), checks=(failed,))
    write_gate_report(directory, report)
    with pytest.raises(SystemExit) as exit_code:
        command("register", "first", "--no-gate", runs=runs)
    assert exit_code.value.code == EXIT_FAILED
    assert [model["gate"] for model in history(runs, capsys)["models"]] == ["failed"]
    with pytest.raises(ModelError, match="failed the gate"):
        command("promote", "first", runs=runs)
    write_gate_report(runs / "second" / "model", report)
    command("register", "second", "--no-gate", runs=runs)
    assert [model["gate"] for model in history(runs, capsys)["models"]] == ["failed", "not checked"]


def test_gate_finds_run_corpora_examples_and_base(runs, tiny_corpus: Corpus):
    directory = runs / "first" / "model"
    for name in ("first", str(directory)):
        run = run_of(name, directory, runs)
        assert run is not None
        assert run.id == "first"
    assert run_of("elsewhere", tiny_corpus.folder, runs) is None
    options = GateOptions(model="x", corpus=[tiny_corpus.folder], utterances=6)
    examples = examples_of(options, None, corpora_of(options, None))
    assert len(examples) == 6  # of the eight in validation and test
    with pytest.raises(OptionError, match="say on which examples"):
        corpora_of(GateOptions(model="x"), None)
    assert base_of(options, NO_METADATA) == ("unknown", None)
    given = GateOptions(model="x", base=str(directory))
    assert base_of(given, NO_METADATA) == (str(directory), directory)
