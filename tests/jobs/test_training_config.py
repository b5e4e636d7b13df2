"""The options of a run (presets, YAML, command line), and the run folder that is created from them."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from qal.cli.train_arguments import parse_train_arguments
from qal.errors import OptionError, TrainingError
from qal.jobs.options.training_config import TrainingConfig, method_name
from qal.jobs.options.yaml_file import check_config, load_config, save_config
from qal.jobs.run import LAUNCHED_RUN_VARIABLE, Run, begin_attempt, create_run

PRESETS = sorted((Path(__file__).parent.parent.parent / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda p: p.name)
def test_preset_is_unchanged_after_saving_and_loading(path: Path, tmp_path: Path):
    config = load_config(path)
    save_config(config, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "LoRA of rank 32"),
        ({"lora": {"dora": True, "rank": 4}, "trained": {"part": "decoder"}}, "DoRA of rank 4 in the decoder"),
        ({"trained": {"adapter": "adalora"}}, "AdaLoRA of rank 32"),
        ({"trained": {"adapter": "none", "part": "encoder"}}, "all weights of the encoder"),
    ],
)
def test_method_name_names_the_adapter_and_the_trained_part(values: dict, name: str):
    assert method_name(check_config(values, "the form")) == name


@pytest.mark.parametrize(
    ("preset", "base", "utterances", "epochs"),
    [("demo", "tiny", 500, 2), ("balanced", "base-adaptive", 1000, 3), ("production", "small", 2000, 5)],
)
def test_presets_have_the_documented_base_examples_and_epochs(preset: str, base: str, utterances: int, epochs: int):
    config = load_config(PRESETS[0].with_name(f"{preset}.yaml"))
    assert (config.base, config.max_utterances, config.epochs) == (base, utterances, epochs)


def test_low_memory_preset_has_the_step_size_of_balanced_in_smaller_batches():
    low, balanced = (load_config(PRESETS[0].with_name(f"{name}.yaml")) for name in ("low-memory", "balanced"))
    assert low.batch_size * low.optimizer.accumulate == balanced.batch_size
    assert low.compute.recompute


def test_config_of_an_old_run_keeps_its_augmentation(tmp_path: Path):
    """Old files have the shorthand `waveform` instead of transforms and presets."""
    old = "epochs: 4\naugmentation: {waveform: 0.3, time_masks: 1, time_mask_share: 0.05, frequency_masks: 2, "
    (tmp_path / "config.yaml").write_text(f"{old}frequency_mask_bins: 12}}\n")
    augmentation = load_config(tmp_path / "config.yaml").augmentation
    assert (augmentation.gain.probability, augmentation.band.probability) == (0.3, 0.15)
    assert (augmentation.reverb.probability, augmentation.time_masks) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "reverb", "gain"),
    [
        ([], 0, 0.5),
        (["--augmentation.preset", "off"], 0, 0),
        (["--augmentation.preset", "room"], 0.6, 0.5),
        (["--augmentation.preset", "room", "--augmentation.reverb.probability", "0"], 0, 0.5),
        (["--augmentation.waveform", "0.25", "--augmentation.reverb.min_decay_s", "0.3"], 0, 0.25),
        (["--config", str(PRESETS[-1]), "--augmentation.preset", "off"], 0, 0),
    ],
)
def test_command_line_arguments_override_the_augmentation_preset(arguments: list[str], reverb: float, gain: float):
    options = parse_train_arguments("qal train", "", arguments).config.augmentation
    assert (options.reverb.probability, options.gain.probability) == (reverb, gain)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"epochs": 0}, "epochs"),
        ({"lora": {"rank": -1}}, "lora.rank"),
        ({"context": {"min_margin_s": 2, "max_margin_s": 1}}, "max_margin_s"),
        ({"learning_rat": 1}, "learning_rat"),
    ],
)
def test_error_of_a_wrong_value_names_the_field(values: dict, field: str):
    with pytest.raises(OptionError, match=field):
        check_config(values, "the form")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs: should be at least 1, not 0"),
        (["--lora.rank=x"], "--lora.rank: should be a whole number, not x"),
        (["--device", "tpu"], "--device: should be 'auto', 'cpu', 'cuda' or 'mps', not tpu"),
        (["--max_utterances", "x"], "--max_utterances: should be a whole number, not x"),
        (["--compute.recompute", "perhaps"], "--compute.recompute: should be true or false, not perhaps"),
    ],
)
def test_command_line_and_form_have_the_same_validation_messages(arguments: list[str], message: str):
    with pytest.raises(OptionError, match=message):
        parse_train_arguments("qal train", "", arguments)


def test_error_of_broken_yaml_names_file_and_line(tmp_path: Path):
    path = tmp_path / "broken.yaml"
    path.write_text("epochs: [1")
    with pytest.raises(OptionError, match=r"broken\.yaml: line 1, expected ',' or '\]'"):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must consist of `name: value` lines"),
        ("- epochs", "must consist of `name: value` lines"),
        ("epochs:", "epochs: is empty; give a value"),
        ("epochs: yes", "epochs: should be a whole number, not yes"),
        ("epochs: 1\nlora: {rank: 8}\nepochs: 2", "'epochs' is given twice"),
        ("lora: {rank: 8, rank: 4}", "'rank' is given twice"),
        ("a: &a [*a]", "an alias"),
    ],
)
def test_invalid_settings_file_raises_an_error_that_names_it(text: str, sentence: str, tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(OptionError, match=sentence) as error:
        parse_train_arguments("qal train", "", ["--config", str(path)])
    assert "mine.yaml" in str(error.value)


def test_language_no_is_text_and_not_a_boolean(tmp_path: Path):
    (tmp_path / "no.yaml").write_text("language: no\naugmentation: {preset: off}\ncompute: {recompute: true}")
    config = parse_train_arguments("qal train", "", ["--config", str(tmp_path / "no.yaml")]).config
    assert (config.language, config.augmentation.preset, config.compute.recompute) == ("no", "off", True)


@pytest.mark.parametrize("order", [1, -1])
def test_command_line_arguments_override_the_config_file_in_any_order(order: int, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("epochs: 7\nlora: {rank: 8, alpha: 8}\ncorpus_weights: {a: 2}\ncorpus: [a, b]")
    pairs = [("--config", str(tmp_path / "mine.yaml")), ("--epochs", "2"), ("--lora.rank", "4")]
    config = parse_train_arguments("qal train", "", [word for pair in pairs[::order] for word in pair]).config
    assert (config.epochs, config.lora.rank, config.lora.alpha) == (2, 4, 8)
    assert config.corpus_weights == {"a": 2}


def test_repeated_argument_is_an_error():
    with pytest.raises(OptionError, match=r"--corpus is given 2 times.*for several datasets"):
        parse_train_arguments("qal train", "", ["--corpus", "a", "--corpus", "b"])


@pytest.mark.parametrize("option", [["--epochs", "4"], ["--runs", "elsewhere"], ["--name", "x"], ["--lora.rank", "32"]])
def test_resume_with_settings_is_an_error_even_if_they_equal_the_defaults(option: list[str]):
    with pytest.raises(OptionError, match="cannot change a run that is resumed"):
        parse_train_arguments("qal train", "", ["--resume", "runs/r", *option])


def test_config_of_a_run_has_absolute_paths_so_that_it_resumes_from_any_folder(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {
        "corpus": ["data/a", "data/b/manifest.jsonl"],
        "corpus_weights": {"data/b": 0.5},
        "base": "tiny",
        "augmentation": {"preset": "strong", "background": {"folder": "noises"}},
    }
    run = create_run(TrainingConfig.model_validate(settings), Path("runs"), "r")
    config = load_config(run.config_file)
    assert config.corpus_folders == [tmp_path / "data" / "a", tmp_path / "data" / "b"]
    assert config.corpus_weight(tmp_path / "data" / "b") == 0.5
    assert (config.base, config.augmentation.background.folder) == ("tiny", str(tmp_path / "noises"))
    assert config.augmentation.preset == "strong"


def test_run_with_a_lost_status_file_can_be_resumed(tmp_path: Path):
    run = create_run(TrainingConfig(), tmp_path, "r")
    for lost in (b"", b"{", b"\xff"):
        run.status_file.write_bytes(lost)
        assert run.status().state == "interrupted"
        assert "Press Resume" in (run.status().reason or "")
    run.status_file.unlink()
    assert begin_attempt(run) == 1
    assert run.status().state == "running"


def test_metrics_keep_the_last_attempt_of_repeated_steps_and_ignore_torn_rows(tmp_path: Path):
    run = create_run(TrainingConfig(), tmp_path)
    for attempt, steps in ((1, (1, 2, 3)), (2, (3, 4))):
        for step in steps:
            run.append_metrics({"kind": "step", "step": step, "epoch": 0, "attempt": attempt})
    with run.metrics_file.open("a") as file:
        file.write('{"step": 5, "ep')
    assert [(r["step"], r["attempt"]) for r in run.metrics()] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    run.append_metrics({"kind": "step", "step": 5, "epoch": 0, "attempt": 2})
    assert run.metrics()[-1]["step"] == 5


def test_running_job_without_its_process_is_interrupted(tmp_path: Path):
    run = create_run(TrainingConfig(), tmp_path)
    run.update_status(state="running", pid=2**22 + 1, pid_started=0.0)
    assert run.status().state == "interrupted"


def test_run_with_the_name_of_an_existing_run_is_an_error(tmp_path: Path):
    create_run(TrainingConfig(), tmp_path, "mine")
    with pytest.raises(TrainingError, match="choose another name"):
        create_run(TrainingConfig(), tmp_path, "mine")


def test_status_of_a_folder_that_is_not_a_run_is_an_error(tmp_path: Path):
    with pytest.raises(TrainingError, match="not a run folder"):
        Run(tmp_path).status()


def test_killed_job_is_interrupted_while_its_process_is_a_zombie(tmp_path: Path):
    """A process stays a zombie until its parent, the studio, waits for it."""
    run = create_run(TrainingConfig(), tmp_path)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    run.update_status(state="running", pid=process.pid, pid_started=psutil.Process(process.pid).create_time())
    assert run.status().state == "running"
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert run.status().state == "interrupted"
    process.wait()


def test_stop_request_before_the_start_is_kept_and_an_old_stop_file_is_deleted(tmp_path: Path, monkeypatch):
    run = create_run(TrainingConfig(), tmp_path, "r")
    monkeypatch.setenv(LAUNCHED_RUN_VARIABLE, "r")
    run.request_stop()
    begin_attempt(run)
    assert run.stop_file.exists()
    run.update_status(state="interrupted")
    begin_attempt(run)
    assert not run.stop_file.exists()


@pytest.mark.parametrize(("stated", "code"), [("Amharic", "am"), ("pt_BR", "pt"), ("nb", "no"), (None, None)])
def test_language_of_a_run_may_be_a_name_or_another_code(stated: str | None, code: str | None):
    assert TrainingConfig(language=stated).language == code
