import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from qal.engine.catalogue import CATALOGUE_NAMES
from qal.engine.model_directory import METADATA_FILE, ContextAbility, MeasuredScore, ModelMetadata
from qal.errors import ModelError
from qal.text.error_measure import percent
from tests.model_folders import model_directory
from tests.run_folders import REPORT, scripted_run
from ui_components.app.studio import Studio
from ui_components.models.inventory import find_model, folder_bytes, inventory

ROOT = Path(__file__).parents[3]
METADATA = ModelMetadata(
    base_model="base",
    languages=["ru"],
    data=["**asterisk-ru**: 400 utterances"],
    measured=MeasuredScore(wer=0.159, low=0.116, high=0.202, corpus="asterisk-ru"),
    context=ContextAbility(adaptive=True),
)


def models_by_key(studio: Studio) -> dict:
    return {model.key: model for model in inventory(studio)}


def test_every_catalogue_model_is_listed_with_published_dimensions(studio, models):
    listed = models_by_key(studio)
    assert list(listed) == list(CATALOGUE_NAMES)
    small = listed["small"]
    assert (small.place, small.is_usable, small.size, small.dimensions.width) == ("absent", False, 488_000_000, 768)
    assert all(model.dimensions for model in listed.values())


def test_model_metadata_gives_languages_wer_and_licence(studio, models):
    model_directory(models / "base-adaptive", metadata=METADATA)
    model = find_model(studio, "base-adaptive")
    assert (model.place, model.adaptive, model.base, model.languages) == ("cache", True, "base", ("ru",))
    assert model.measured == METADATA.measured
    assert "MIT" in model.licence
    assert "licences of its own" in model.licence
    assert model.size == folder_bytes(models / "base-adaptive") > 0


def test_run_model_without_measured_wer_takes_it_from_the_report(studio):
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model, metadata=replace_measured(None))
    expected = MeasuredScore(wer=0.19, low=0.14, high=0.25, cer=0.055, corpus="asterisk-ru", utterances=20, words=90)
    assert find_model(studio, "mine").measured == expected
    scripted_run(studio.runs, "unfinished", "failed")
    assert "unfinished" not in models_by_key(studio)


@pytest.mark.parametrize("is_installed", [False, True])
def test_default_model_has_the_figures_of_the_docs_before_and_after_its_installation(studio, models, is_installed):
    if is_installed:
        model_directory(models / "base-adaptive", metadata=replace_measured(None))
    measured = find_model(studio, "base-adaptive").measured
    assert measured is not None
    assert (measured.split, measured.utterances, measured.normaliser) == ("test", 400, "basic-1")
    benchmarks = (ROOT / "docs" / "benchmarks.md").read_text()
    assert f"| 400 | 18.8 % → {percent(measured.wer)} |" in benchmarks
    assert measured.source.startswith("docs/benchmarks.md")


def replace_measured(measured: MeasuredScore | None) -> ModelMetadata:
    return METADATA.model_copy(update={"measured": measured})


@pytest.mark.parametrize(
    "report", ["{", "[]", "null", '{"tuned_adaptive": 1}', '{"tuned_adaptive": {"wer": "a"}}', "[" * 100_000, "\udcff"]
)
def test_invalid_report_gives_no_measured_wer(studio, report):
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model, metadata=replace_measured(None))
    run.report_file.write_bytes(report.encode(errors="surrogateescape"))
    assert find_model(studio, "mine").measured is None


@pytest.mark.parametrize("wer", [float("nan"), float("inf")])
def test_wer_that_is_not_finite_is_ignored(studio, wer):
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model, metadata=replace_measured(None))
    tuned = {**REPORT.tuned_adaptive.model_dump(), "wer": wer}
    run.report_file.write_text(json.dumps(REPORT.model_dump() | {"tuned_adaptive": tuned}))
    assert find_model(studio, "mine").measured is None


def write_hostile_folders(folder) -> None:
    model_directory(folder / "base")
    (folder / "base" / "model.bin").write_bytes(b"x" * 100)
    (model_directory(folder / "tiny") / METADATA_FILE).write_bytes(b"\xff\xfe{")
    (model_directory(folder / "small") / METADATA_FILE).write_text("[" * 200_000)
    (model_directory(folder / "medium") / METADATA_FILE).mkdir()
    (folder / "half").mkdir()
    (folder / "half" / "config.json").write_text("{}")
    (folder / "loop").symlink_to(folder / "loop")
    os.mkdir(os.fsencode(folder) + b"/\xff\xfe")


def test_unreadable_folders_are_listed_with_a_problem(studio, models):
    models.mkdir()
    write_hostile_folders(models)
    listed = models_by_key(studio)
    broken = {model.title for model in listed.values() if model.problem}
    assert broken == {"base", "tiny", "small", "medium", "half"}
    assert all("cannot be read" in model.problem for model in listed.values() if model.problem)
    assert not any(listed[name].is_usable for name in ("base", "tiny", "small", "medium"))
    assert json.dumps([model.title for model in listed.values()]).encode()


def test_hidden_folders_and_other_formats_are_not_listed(studio, models):
    for name in (".base-x", "transformers", "exports"):
        (models / name).mkdir(parents=True)
    assert list(models_by_key(studio)) == list(CATALOGUE_NAMES)


def test_unknown_folder_and_the_default_model_directory_are_listed(studio, models, tmp_path):
    own = str(model_directory(models / "mine"))
    given = str(model_directory(tmp_path / "given"))
    listed = models_by_key(replace(studio, model=given))
    assert (listed[own].title, listed[own].place) == ("mine", "cache")
    assert (listed[given].title, listed[given].place) == ("given", "folder")


@pytest.mark.parametrize("key", [None, "", "/etc", "../models/base", "nonsense"])
def test_key_outside_the_inventory_is_refused(studio, key):
    with pytest.raises(ModelError, match="from the list"):
        find_model(studio, key)


def test_folder_size_counts_linked_files_once(tmp_path):
    (tmp_path / "a").write_bytes(bytes(1000))
    os.link(tmp_path / "a", tmp_path / "b")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    (tmp_path / "d").symlink_to(tmp_path / "nowhere")
    assert folder_bytes(tmp_path) == 1000
    assert folder_bytes(tmp_path / "not there") == 0
