import json
import os
from dataclasses import replace

import pytest

from qal.engine.catalogue import NAMES
from qal.engine.model_directory import CARD_FILE, ContextAbility, MeasuredWer, ModelCard
from qal.errors import ModelError
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from ui_components.app.studio import Studio
from ui_components.models.inventory import find_model, folder_bytes, inventory

CARD = ModelCard(
    base_model="base",
    languages=["ru"],
    data=["**asterisk-ru**: 400 utterances"],
    measured=MeasuredWer(wer=0.159, low=0.116, high=0.202, corpus="asterisk-ru"),
    context=ContextAbility(adaptive=True),
)


def by_key(studio: Studio) -> dict:
    return {model.key: model for model in inventory(studio)}


def test_every_name_of_the_catalogue_is_listed_with_what_is_published(studio, models):
    listed = by_key(studio)
    assert list(listed) == list(NAMES)
    small = listed["small"]
    assert (small.place, small.is_here, small.size, small.dimensions.width) == ("absent", False, 488_000_000, 768)
    assert all(model.dimensions for model in listed.values())


def test_a_models_card_tells_its_languages_its_error_rate_and_its_terms(studio, models):
    model_directory(models / "base-adaptive", card=CARD)
    found = find_model(studio, "base-adaptive")
    assert (found.place, found.adaptive, found.base, found.languages) == ("cache", True, "base", ("ru",))
    assert found.measured == CARD.measured
    assert "MIT" in found.licence
    assert "terms of its own" in found.licence
    assert found.size == folder_bytes(models / "base-adaptive") > 0


def test_a_runs_model_is_measured_by_its_report_where_its_card_says_nothing(studio):
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model, card=replace_measured(None))
    assert find_model(studio, "mine").measured == MeasuredWer(wer=0.19, low=0.14, high=0.25, corpus="")
    scripted_run(studio.runs, "unfinished", "failed")
    assert "unfinished" not in by_key(studio)


def replace_measured(measured: MeasuredWer | None) -> ModelCard:
    return CARD.model_copy(update={"measured": measured})


@pytest.mark.parametrize(
    "report", ["{", "[]", "null", '{"tuned_adaptive": 1}', '{"tuned_adaptive": {"wer": "a"}}', "[" * 100_000, "\udcff"]
)
def test_a_report_that_is_none_of_ours_says_nothing(studio, report):
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model, card=replace_measured(None))
    run.report_file.write_bytes(report.encode(errors="surrogateescape"))
    assert find_model(studio, "mine").measured is None


@pytest.mark.parametrize("wer", [float("nan"), float("inf")])
def test_a_rate_that_is_no_number_is_not_shown(studio, wer):
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model, card=replace_measured(None))
    run.report_file.write_text(json.dumps({"tuned_adaptive": {"wer": wer, "wer_low": 0, "wer_high": 1}}))
    assert find_model(studio, "mine").measured is None


def hostile(folder) -> None:
    model_directory(folder / "base")
    (folder / "base" / "model.bin").write_bytes(b"x" * 100)
    (model_directory(folder / "tiny") / CARD_FILE).write_bytes(b"\xff\xfe{")
    (model_directory(folder / "small") / CARD_FILE).write_text("[" * 200_000)
    (model_directory(folder / "medium") / CARD_FILE).mkdir()
    (folder / "half").mkdir()
    (folder / "half" / "config.json").write_text("{}")
    (folder / "loop").symlink_to(folder / "loop")
    os.mkdir(os.fsencode(folder) + b"/\xff\xfe")


def test_hostile_folders_are_entries_that_cannot_be_read(studio, models):
    models.mkdir()
    hostile(models)
    listed = by_key(studio)
    broken = {model.title for model in listed.values() if model.problem}
    assert broken == {"base", "tiny", "small", "medium", "half"}
    assert all("cannot be read" in model.problem for model in listed.values() if model.problem)
    assert not any(listed[name].is_here for name in ("base", "tiny", "small", "medium"))
    assert json.dumps([model.title for model in listed.values()]).encode()


def test_hidden_folders_and_other_forms_are_no_models(studio, models):
    for name in (".base-x", "transformers", "exports"):
        (models / name).mkdir(parents=True)
    assert list(by_key(studio)) == list(NAMES)


def test_a_folder_that_somebody_has_put_there_and_the_servers_own_are_listed(studio, models, tmp_path):
    own = str(model_directory(models / "mine"))
    given = str(model_directory(tmp_path / "given"))
    listed = by_key(replace(studio, model=given))
    assert (listed[own].title, listed[own].place) == ("mine", "cache")
    assert (listed[given].title, listed[given].place) == ("given", "folder")


@pytest.mark.parametrize("key", [None, "", "/etc", "../models/base", "nonsense"])
def test_only_what_is_listed_can_be_named(studio, key):
    with pytest.raises(ModelError, match="of the list"):
        find_model(studio, key)


def test_files_that_are_linked_twice_are_counted_once(tmp_path):
    (tmp_path / "a").write_bytes(bytes(1000))
    os.link(tmp_path / "a", tmp_path / "b")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    (tmp_path / "d").symlink_to(tmp_path / "nowhere")
    assert folder_bytes(tmp_path) == 1000
    assert folder_bytes(tmp_path / "not there") == 0
