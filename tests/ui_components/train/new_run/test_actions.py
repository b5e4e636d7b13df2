import os
import sys
import textwrap
import time
from typing import Any

import gradio as gr
import pytest

from qal.errors import OptionError
from qal.jobs import job
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import list_runs
from qal.resources import CONFIGS
from tests.run_folders import scripted_run
from tests.ui_components.conftest import PageRequest
from tests.ui_components.train.new_run.form import NAMES, held_of
from ui_components.train.new_run import actions as new_run_actions
from ui_components.train.new_run.actions import TOLD, choose, load_file, load_run, load_text, offer, start, told

NOBODY: Any = PageRequest()
STARTED = """
    import os, sys
    from pathlib import Path
    from qal.jobs.run import Run
    from qal.jobs.status import Status
    Run(Path(sys.argv[-1])).write_status(Status(state="finished", user=os.environ.get("QAL_RUN")))
"""
PROBLEMS, DIFFERENCES, BACK, ESTIMATE, START, FIND, COMMAND, YAML = range(TOLD)


def is_skip(update) -> bool:
    return isinstance(update, dict) and update == {"__type__": "update"}


@pytest.fixture
def launched(tmp_path, monkeypatch):
    """A job that ends at once."""
    script = tmp_path / "job.py"
    script.write_text(textwrap.dedent(STARTED))
    monkeypatch.setattr(job, "trainer_command", lambda run: [sys.executable, str(script), str(run.folder)])


def quick(studio, **changes):
    """The form as the preset quick has it, with a corpus."""
    usual = {"base": "small", "corpus": [str(studio.data / "ru")]}
    return held_of(studio, load_config(CONFIGS / "quick.yaml"), **(usual | changes))


def after(held, given):
    """What the components hold after the updates."""
    return [old if is_skip(new) else new for old, new in zip(held, given, strict=True)]


def test_an_empty_studio_says_what_to_do(studio):
    held = held_of(studio, new_run_actions.first_config(studio))
    _, _, corpus, _, note, fetch, *_ = offer(studio, None, *held)
    assert "qal corpus import asterisk --language ru" in note
    assert (corpus.choices, fetch.visible) == ([], True)


def test_what_is_there_is_offered_and_choices_stay(furnished):
    held = quick(furnished, corpus=[])
    preset, base, corpus, others, note, fetch, *shown = offer(furnished, None, *held)
    assert preset.value == "quick"
    assert "a few hundred utterances" in preset.info
    assert "small" in {value for _, value in base.choices}
    assert [name for name, _ in corpus.choices] == ["en · 2 min · English", "ru · 2 min · Russian"]
    assert (len(corpus.value), others.value, note, fetch.visible) == (1, [], "", False)
    assert shown[START].interactive
    chosen = [str(furnished.data / "ru")]
    again = offer(furnished, "balanced", *quick(furnished, corpus=chosen, epochs=9))
    assert (again[0].value, again[2].value) == ("balanced", chosen)
    assert "<code>epochs</code>" in again[6 + DIFFERENCES]


def test_a_wrong_form_cannot_be_started(furnished, launched):
    held = quick(furnished, lora__rank=0)
    shown = told(furnished, "quick", held)
    assert "lora.rank" in shown[PROBLEMS]
    assert (shown[START].interactive, shown[FIND].interactive, shown[ESTIMATE]) == (False, False, "")
    assert shown[COMMAND] == shown[YAML] == new_run_actions.NOTHING_YET
    with pytest.raises(OptionError, match=r"lora.rank: should be at least 1, not 0"):
        start(furnished, NOBODY, *held)
    assert list_runs(furnished.runs) == []


def test_a_right_form_shows_what_it_will_take_and_how_it_is_typed(furnished):
    shown = told(furnished, "quick", quick(furnished, epochs=2))
    assert shown[START].interactive
    assert "Utterances" in shown[ESTIMATE]
    assert shown[COMMAND].endswith(f"--base small --corpus {furnished.data / 'ru'} --epochs 2")
    assert "epochs: 2\n" in shown[YAML]


def test_differences_are_counted_and_named_and_can_be_taken_back(furnished):
    held = quick(furnished, base="base-adaptive")
    assert not told(furnished, "quick", quick(furnished))[PROBLEMS].startswith("<div")
    held = quick(furnished, epochs=2, lora__rank=8)
    shown = told(furnished, "quick", held)
    for name in ("base", "epochs", "lora.rank"):
        assert f"<code>{name}</code>" in shown[DIFFERENCES]
    assert "3 settings differ from <b>quick</b>" in shown[DIFFERENCES]
    assert "#set-lora-rank" in shown[PROBLEMS]
    assert shown[BACK].visible
    _, *given = choose(furnished, "quick", *held)
    new = dict(zip(NAMES, after(held, given[: len(NAMES)]), strict=True))
    assert (new["epochs"], new["lora.rank"], new["corpus"]) == (4, 32, [str(furnished.data / "ru")])


def test_a_preset_fills_the_form_and_brings_its_base_even_where_it_must_be_fetched_first(furnished):
    held = quick(furnished)
    preset, *given = choose(furnished, "demo", *held)
    assert "(2 epochs of LoRA of rank 32 on tiny, at most 500 utterances)" in preset.info
    new = dict(zip(NAMES, after(held, given[: len(NAMES)]), strict=True))
    assert (new["base"], new["max_utterances"], new["epochs"]) == ("tiny", "500", 2)
    assert "Everything is as in <b>demo</b>" in given[len(NAMES) + DIFFERENCES]
    assert sum(not is_skip(update) for update in given[: len(NAMES)]) < 6


def test_a_preset_of_the_augmentation_brings_its_transforms(furnished):
    held = quick(furnished, augmentation__preset="telephone", lora__rank=8)
    given = new_run_actions.augment(furnished, "quick", *held)
    new = dict(zip(NAMES, after(held, given[: len(NAMES)]), strict=True))
    assert (new["augmentation.codec.probability"], new["lora.rank"]) == (0.7, 8)
    assert "--augmentation.preset telephone" in given[len(NAMES) + COMMAND]
    assert "--augmentation.codec" not in given[len(NAMES) + COMMAND]


def test_the_settings_of_a_run_come_back_and_are_what_the_form_is_compared_with(furnished):
    run = scripted_run(furnished.runs, "mine", "finished")
    config = load_config(run.config_file).model_copy(
        update={"base": "small", "epochs": 7, "corpus": [os.path.abspath(furnished.data / "en")]}
    )
    new_run_actions.job.create_run(config, furnished.runs, "other")
    held = quick(furnished)
    nothing, tabs, preset, *given = load_run(furnished, "other", "quick", *held)
    new = dict(zip(NAMES, after(held, given[: len(NAMES)]), strict=True))
    assert (nothing, tabs.selected, preset.value) == (None, "new", "run/other")
    assert (new["epochs"], new["corpus"]) == (7, [str(furnished.data / "en")])
    assert "Everything is as in <b>run other</b>" in given[len(NAMES) + DIFFERENCES]
    command = given[len(NAMES) + COMMAND]
    assert "other/config.yaml" in command
    assert "--epochs" not in command
    assert all(map(is_skip, load_run(furnished, None, "quick", *held)))
    with pytest.raises(OptionError, match="no run never"):
        load_run(furnished, "never", "quick", *held)


def test_what_is_not_offered_here_is_left_out(furnished):
    held = quick(furnished)
    _, *given = load_text(furnished, "corpus: [/srv/elsewhere]\nbase: /srv/model\nepochs: 3\n", "quick", *held)
    new = dict(zip(NAMES, after(held, given[: len(NAMES)]), strict=True))
    assert (new["corpus"], new["base"], new["epochs"]) == ([], "small", 3)
    assert not given[len(NAMES) + START].interactive


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "paste a YAML first"),
        ("epochs: 0", "the YAML: epochs"),
        ("a: [", "the YAML: line 1"),
        ("nonsense: 1", "nonsense"),
        ("a: &x [1]\nb: [*x, *x]", "an alias"),
        ("[" * 250, "the YAML"),
        ("[" * 5000, "nested too deeply"),
        ("- " * 24_999, "nested too deeply"),
        ("? " * 24_999, "nested too deeply"),
        ("epochs: 9999-99-99", "not valid YAML"),
        ("epochs: " + "9" * 5000, "the YAML"),
        ('base: "\\ud800"', "the YAML"),
        ("base: \ud800", "the YAML"),
        ("# " + "x" * 200_000, "characters"),
    ],
)
def test_a_yaml_that_is_wrong_is_one_sentence(furnished, text, sentence):
    with pytest.raises(OptionError) as refused:
        load_text(furnished, text, "quick", *quick(furnished))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_is_loaded_like_a_text(furnished, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("language: no\n", encoding="utf-8")
    _, *given = load_file(furnished, str(file), "quick", *quick(furnished))
    assert given[NAMES.index("language")] == "no"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OptionError, match="no text"):
        load_file(furnished, str(file), "quick", *quick(furnished))


def test_start_saves_what_the_form_shows_and_launches_the_job(furnished, launched):
    held = quick(furnished, epochs=2)
    run_id, tabs = start(furnished, NOBODY, *held)
    (run,) = list_runs(furnished.runs)
    assert (run_id, tabs.selected) == (run.id, "run")
    saved = load_config(run.config_file)
    assert (saved.base, saved.corpus, saved.epochs) == ("small", [os.path.abspath(furnished.data / "ru")], 2)
    deadline = time.monotonic() + 30
    while run.status().state != "finished" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run.status().state == "finished"


def test_who_waits_is_told_the_place(furnished, launched, monkeypatch):
    scripted_run(furnished.runs, "busy", "running", step=3)
    said = []
    monkeypatch.setattr(gr, "Info", said.append)
    start(furnished, NOBODY, *quick(furnished))
    assert said == ["Run busy comes first: this one waits for the device as number 1 and starts by itself."]


def test_a_studio_without_presets_says_so(studio):
    shown = told(studio, None, held_of(studio, new_run_actions.first_config(studio)))
    assert "choose a preset first" in shown[PROBLEMS].lower()
    assert not shown[START].interactive
