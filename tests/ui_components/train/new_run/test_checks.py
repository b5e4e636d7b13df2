"""Nothing wrong can be started, and each wrong setting is named."""

import json

import pytest

from qal.corpus.manifest import MANIFEST_FILE
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.resources import CONFIGS
from tests.ui_components.train.new_run.form import held_of
from ui_components.app.studio import Studio
from ui_components.train.new_run.checks import check_form
from ui_components.train.new_run.view import marks_html, problem_text, problems_html


def found(studio: Studio, **changes) -> list[tuple[str, str]]:
    base = {"base": "small", "corpus": [str(studio.data / "ru")]}
    held = held_of(studio, load_config(CONFIGS / "quick.yaml"), **(base | changes))
    return [(p.name, p.sentence) for p in check_form(studio, held).problems]


def test_the_presets_are_right_as_they_are(furnished):
    for path in CONFIGS.glob("*.yaml"):
        config = load_config(path)
        if config.method == "finetune":
            held = held_of(furnished, config, base="small", corpus=[str(furnished.data / "ru")])
            checked = check_form(furnished, held)
            assert checked.problems == ()
            assert checked.right == config.model_copy(update={"base": "small", "corpus": str(furnished.data / "ru")})


@pytest.mark.parametrize(
    ("changes", "name", "sentence"),
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
        ({"corpus": []}, "corpus", "choose a corpus"),
        ({"base": None}, "base", "is empty; give a value"),
        ({"language": "xx"}, "language", "the model has no language 'xx'"),
        ({"max_utterance_s": 1}, "corpus", "there is no example with text between 0.4 and 1 s in split 'train'"),
    ],
)
def test_a_wrong_value_is_told_at_its_name(furnished, changes, name, sentence):
    problems = found(furnished, **changes)
    assert problems[0][0] == name
    assert problems[0][1].startswith(sentence)


@pytest.mark.parametrize("wrong", ["/etc", "..", "data/../../etc", "nowhere", "~root", "\0"])
def test_only_what_the_studio_offers_is_looked_at(furnished, wrong):
    assert found(furnished, base=wrong)[0][0] == "base"
    assert found(furnished, corpus=[wrong])[0][0] == "corpus"
    assert found(furnished, retention__corpora=[wrong])[0][0] == "retention.corpora"
    assert ("distillation.noise_folder") in [name for name, _ in found(furnished, distillation__noise_folder=wrong)]


def test_settings_that_do_not_go_together_are_both_marked(furnished):
    held = held_of(furnished, load_config(CONFIGS / "demo.yaml"), trained__adapter="adalora", lora__rank=64)
    problems = check_form(furnished, held).problems
    assert "adalora.start_rank 48 is not above lora.rank 64" in problems_html(problems)
    marks = marks_html(problems, [])
    assert "#set-lora-rank" in marks
    assert "#set-adalora-start-rank" in marks
    assert "1 wrong" in marks or "2 wrong" in marks


def test_what_this_machine_cannot_do_is_wrong(furnished):
    assert "CUDA" in found(furnished, machine__strategy="fsdp")[0][1]
    assert "nodes" in found(furnished, machine__nodes=2)[0][1]


def test_all_that_is_wrong_is_told_and_escaped(furnished):
    held = held_of(furnished, TrainingConfig(), base="small", lora__rank=0, epochs="<b>")
    problems = check_form(furnished, held).problems
    assert [p.name for p in problems] == ["epochs", "lora.rank"]
    shown = problems_html(problems)
    assert "2 things are wrong" in shown
    assert "&lt;b&gt;" in shown
    assert problem_text(problems[1]) == "lora.rank: should be at least 1, not 0"
    assert problems_html([]) == ""


def test_one_corpus_stands_for_itself_and_corpora_are_weighed_by_their_names(furnished):
    both = [str(furnished.data / name) for name in ("ru", "en")]
    held = held_of(furnished, TrainingConfig(), base="small", corpus=both, corpus_weights="ru: 0.5")
    right = check_form(furnished, held).right
    assert right
    assert (right.corpus, right.corpus_weights) == (both, {both[0]: 0.5})
    assert found(furnished, corpus_weights="en: 2")[0][1].startswith("corpus_weights names en")


def test_a_corpus_that_changes_is_read_again(furnished):
    assert found(furnished) == []
    manifest = furnished.data / "ru" / MANIFEST_FILE
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    manifest.write_text("".join(json.dumps({**row, "split": "train"}) + "\n" for row in rows))
    assert "split 'validation'" in found(furnished)[0][1]
    manifest.write_text("{")
    assert found(furnished)[0][0] == "corpus"
