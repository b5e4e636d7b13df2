"""Checks of the New run form: each problem names its setting, and a form with a problem cannot be started."""

import json

import pytest

from qal.corpus.manifest import MANIFEST_FILE
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.resources import CONFIGS
from tests.ui_components.train.new_run.form import values_of
from ui_components.app.studio import Studio
from ui_components.train.new_run.checks import check_form
from ui_components.train.new_run.view import highlights_html, problem_text, problems_html


def problems_of(studio: Studio, **changes) -> list[tuple[str, str]]:
    """The problems of the preset quick with some values changed: (setting, message)."""
    chosen = {"base": "small", "corpus": [str(studio.data / "ru")]}
    values = values_of(studio, load_config(CONFIGS / "quick.yaml"), **(chosen | changes))
    return [(problem.setting, problem.message) for problem in check_form(studio, values).problems]


def test_presets_for_fine_tuning_have_no_problems(studio_with_corpora):
    corpus = str(studio_with_corpora.data / "ru")
    for path in CONFIGS.glob("*.yaml"):
        config = load_config(path)
        if config.method == "finetune":
            values = values_of(studio_with_corpora, config, base="small", corpus=[corpus])
            checked = check_form(studio_with_corpora, values)
            assert checked.problems == ()
            assert checked.valid_config == config.model_copy(update={"base": "small", "corpus": corpus})


@pytest.mark.parametrize(
    ("changes", "setting", "message"),
    [
        ({"lora__rank": 0}, "lora.rank", "should be at least 1, not 0"),
        ({"epochs": 2.5}, "epochs", "should be a whole number, not 2.5"),
        ({"epochs": None}, "epochs", "is empty; give a value"),
        ({"learning_rate": 0}, "learning_rate", "should be above 0, not 0"),
        ({"seed": 2**32}, "seed", "should be at most 4294967295, not 4294967296"),
        ({"batch_size": "many"}, "batch_size", "should be a whole number, not many"),
        ({"device": "tpu"}, "device", "should be 'auto', 'cpu', 'cuda' or 'mps', not tpu"),
        ({"augmentation__codec__kinds": []}, "augmentation.codec.kinds", "should name at least one, not this"),
        ({"max_utterances": "few"}, "max_utterances", "should be a whole number, not few"),
        ({"optimizer__beta1": "1"}, "optimizer.beta1", "should be below 1, not 1"),
        ({"corpus": []}, "corpus", "choose a dataset"),
        ({"base": None}, "base", "is empty; give a value"),
        ({"language": "xx"}, "language", "Whisper has no language 'xx'"),
        ({"language": "tir"}, "language", "Whisper has no Tigrinya (ti); train it with --language am"),
        ({"max_utterance_s": 1}, "corpus", "there is no example with text between 0.4 and 1 s in split 'train'"),
    ],
)
def test_wrong_value_is_a_problem_of_its_setting(studio_with_corpora, changes, setting, message):
    problems = problems_of(studio_with_corpora, **changes)
    assert problems[0][0] == setting
    assert problems[0][1].startswith(message)


@pytest.mark.parametrize("path", ["/etc", "..", "data/../../etc", "nowhere", "~root", "\0"])
def test_paths_that_the_studio_does_not_offer_are_refused(studio_with_corpora, path):
    assert problems_of(studio_with_corpora, base=path)[0][0] == "base"
    assert problems_of(studio_with_corpora, corpus=[path])[0][0] == "corpus"
    assert problems_of(studio_with_corpora, retention__corpora=[path])[0][0] == "retention.corpora"
    problems = problems_of(studio_with_corpora, distillation__noise_folder=path)
    assert "distillation.noise_folder" in [setting for setting, _ in problems]


def test_contradicting_settings_are_both_highlighted(studio_with_corpora):
    demo = load_config(CONFIGS / "demo.yaml")
    values = values_of(studio_with_corpora, demo, trained__adapter="adalora", lora__rank=64)
    problems = check_form(studio_with_corpora, values).problems
    assert "adalora.start_rank 48 is not above lora.rank 64" in problems_html(problems)
    styles = highlights_html(problems, [])
    assert "#set-lora-rank" in styles
    assert "#set-adalora-start-rank" in styles
    assert "1 problem" in styles or "2 problems" in styles


def test_settings_that_this_machine_does_not_support_are_problems(studio_with_corpora):
    assert "CUDA" in problems_of(studio_with_corpora, machine__strategy="fsdp")[0][1]
    assert "nodes" in problems_of(studio_with_corpora, machine__nodes=2)[0][1]


def test_all_problems_are_listed_counted_and_escaped(studio_with_corpora):
    values = values_of(studio_with_corpora, TrainingConfig(), base="small", lora__rank=0, epochs="<b>")
    problems = check_form(studio_with_corpora, values).problems
    assert [problem.setting for problem in problems] == ["epochs", "lora.rank"]
    assert "2 problems" in problems_html(problems)
    assert "1 problem<" in problems_html(problems[:1])
    assert "&lt;b&gt;" in problems_html(problems)
    assert problem_text(problems[1]) == "lora.rank: should be at least 1, not 0"
    assert problems_html([]) == ""


def test_corpus_weights_are_given_by_folder_name(studio_with_corpora):
    corpora = [str(studio_with_corpora.data / name) for name in ("ru", "en")]
    values = values_of(studio_with_corpora, TrainingConfig(), base="small", corpus=corpora, corpus_weights="ru: 0.5")
    config = check_form(studio_with_corpora, values).valid_config
    assert config
    assert (config.corpus, config.corpus_weights) == (corpora, {corpora[0]: 0.5})
    assert problems_of(studio_with_corpora, corpus_weights="en: 2")[0][1].startswith("corpus_weights names en")


def test_changed_manifest_is_read_again(studio_with_corpora):
    assert problems_of(studio_with_corpora) == []
    manifest = studio_with_corpora.data / "ru" / MANIFEST_FILE
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    manifest.write_text("".join(json.dumps({**row, "split": "train"}) + "\n" for row in rows))
    assert "split 'validation'" in problems_of(studio_with_corpora)[0][1]
    manifest.write_text("{")
    assert problems_of(studio_with_corpora)[0][0] == "corpus"
