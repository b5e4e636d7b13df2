"""The commands `qal evaluate context` and `qal evaluate speed`, with real weights and without."""

import json
from pathlib import Path

import pytest

from qal.cli.evaluation.context import (
    ContextCurveOptions,
    curve_settings,
    distill_advice,
    write_found,
    writing_sentence,
)
from qal.cli.evaluation.speed import HTML_FILE
from qal.cli.main import main
from qal.engine.catalogue import DEFAULT_MODEL
from qal.engine.model_directory import METADATA_FILE, ContextAbility, ModelMetadata, read_metadata
from qal.errors import OptionError
from qal.evaluation.context_curve.files import read_curve
from qal.evaluation.context_curve.records import ContextCurve
from qal.evaluation.records import ROWS_FILE
from qal.evaluation.speed.files import CSV_FILE, read_speed
from qal.jobs.options.yaml_file import check_config, read_settings
from qal.resources import CONFIGS
from tests.model_folders import model_directory
from tests.sounds import spoken_corpus


def run(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    main(["evaluate", *words])
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def curve(smallest: ContextAbility | None, needed: int | None = None) -> ContextCurve:
    return ContextCurve.model_construct(smallest=smallest, needed_utterances=needed)


OPTIONS = ContextCurveOptions(model="my model", corpus=Path("data/mine"))
SHORT = ContextAbility(adaptive=True, margin_s=1.0, min_s=2.0)
LONG = ContextAbility(adaptive=True, margin_s=1.0, min_s=15.0)


@pytest.mark.timeout(200)
def test_context_command_measures_real_weights_and_keeps_every_transcript(english_corpus, tmp_path, capsys):
    corpus = spoken_corpus(tmp_path / "voices", english_corpus, 2)
    split = corpus.rows[0].split
    words = ["--split", split, "--margins", "1", "--minimums", "2", "--out", str(tmp_path / "out"), "--json"]
    result = run(capsys, "context", DEFAULT_MODEL, str(corpus.folder), *words)
    full, short = result["figures"]
    assert full["context_s"] == 30
    assert short["context_s"] < 10
    assert short["rtf"] > 0
    assert (result["smallest"], result["written"]) == (None, None)  # two examples decide nothing
    assert read_curve(tmp_path / "out").model == DEFAULT_MODEL
    assert len((tmp_path / "out" / ROWS_FILE).read_text().splitlines()) == 2 * result["utterances"]


@pytest.mark.timeout(200)
def test_speed_command_measures_real_weights_in_a_process_of_their_own(english_corpus, tmp_path, capsys):
    sound = english_corpus.audio_path(next(row for row in english_corpus.rows if row.duration_s > 3))
    words = ["--sound", str(sound), "--durations", "2", "--clips", "2", "--only-one-by-one", "--language", "en"]
    result = run(capsys, "speed", DEFAULT_MODEL, *words, "--out", str(tmp_path), "--json")
    (found,) = result["measurements"]
    assert found["problem"] == ""
    assert found["peak_mb"] > found["process_mb"] > 0
    assert found["load_s"] > 0
    assert found["durations"][0]["calls"] == 2
    assert read_speed(tmp_path).measurements[0].configuration.model == DEFAULT_MODEL
    assert (tmp_path / CSV_FILE).stat().st_size
    assert (tmp_path / HTML_FILE).stat().st_size


def test_advice_names_the_distillation_only_if_the_model_supports_no_short_context():
    assert "qal train --config configs/distill.yaml --base 'my model'" in distill_advice(OPTIONS, curve(None))
    assert "speech + 0.1 to 2 s" in distill_advice(OPTIONS, curve(LONG))
    assert distill_advice(OPTIONS, curve(SHORT)) == ""
    assert distill_advice(OPTIONS, curve(None, needed=400)) == ""


def test_settings_of_the_advice_are_those_of_the_trainer(tmp_path, tiny_corpus):
    settings = read_settings(CONFIGS / "distill.yaml")
    changes = {"noisy_share": 0, "silent_share": 0}
    distillation = {**settings["distillation"], **changes}
    check_config({**settings, "corpus": str(tiny_corpus.folder), "distillation": distillation}, "the advice")


def test_the_context_that_was_found_is_written_where_the_options_say(tmp_path):
    mine = model_directory(tmp_path / "mine")
    assert write_found(OPTIONS, mine, curve(SHORT)) is None
    assert not (mine / METADATA_FILE).exists()
    to_copy = OPTIONS.model_copy(update={"copy_": tmp_path / "copy"})
    assert write_found(to_copy, mine, curve(SHORT)) == tmp_path / "copy"
    assert read_metadata(tmp_path / "copy").context == SHORT
    assert not (mine / METADATA_FILE).exists()
    to_write = OPTIONS.model_copy(update={"write": True})
    assert write_found(to_write, mine, curve(None)) is None
    assert write_found(to_write, mine, curve(LONG)) == mine
    assert read_metadata(mine) == ModelMetadata(base_model="mine", context=LONG)


def test_what_was_written_is_named():
    options = OPTIONS.model_copy(update={"write": True})
    assert writing_sentence(options, curve(SHORT), Path("runs/1/model")) == (
        "runs/1/model: qal.json now says speech + 1 s, at least 2 s."
    )
    assert "Nothing was written" in writing_sentence(options, curve(None), None)
    assert "--copy DIR" in writing_sentence(OPTIONS, curve(SHORT), None)
    assert writing_sentence(OPTIONS, curve(None), None) == ""


@pytest.mark.parametrize("values", [{"margins": [-1.0]}, {"minimums": [31.0]}])
def test_contexts_that_no_whisper_has_are_refused(values: dict):
    with pytest.raises(OptionError, match="no context of Whisper"):
        curve_settings(OPTIONS.model_copy(update=values))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["context", "base", "data", "--write", "--copy", "elsewhere"], "give one of them"),
        (["context", "base", "data", "--write"], "--copy DIR"),
        (["speed", "base"], "required: sound"),
        (["speed", "base", "--sound", "missing.wav", "--compute-types", "int3"], "does not run"),
    ],
)
def test_errors_come_before_anything_is_measured(words, message, base_directory, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["evaluate", *words])
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err
