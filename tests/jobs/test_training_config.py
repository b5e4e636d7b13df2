import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from qal.cli.train_arguments import parse
from qal.errors import OptionError, TrainingError
from qal.jobs.options.training_config import TrainingConfig, method_name
from qal.jobs.options.yaml_file import check_config, load_config, save_config
from qal.jobs.run import LAUNCHED_FOR, Run, begin, create_run

PRESETS = sorted((Path(__file__).parent.parent.parent / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda p: p.name)
def test_every_preset_loads_and_survives_saving(path: Path, tmp_path: Path):
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
def test_a_method_has_its_name(values: dict, name: str):
    assert method_name(check_config(values, "the form")) == name


@pytest.mark.parametrize(
    ("preset", "base", "utterances", "epochs"),
    [("demo", "tiny", 500, 2), ("balanced", "base-adaptive", 1000, 3), ("production", "small", 2000, 5)],
)
def test_the_presets_cap_what_they_promise(preset: str, base: str, utterances: int, epochs: int):
    config = load_config(PRESETS[0].with_name(f"{preset}.yaml"))
    assert (config.base, config.max_utterances, config.epochs) == (base, utterances, epochs)


def test_low_memory_makes_the_steps_of_balanced_in_smaller_parts():
    low, balanced = (load_config(PRESETS[0].with_name(f"{name}.yaml")) for name in ("low-memory", "balanced"))
    assert low.batch_size * low.optimizer.accumulate == balanced.batch_size
    assert low.compute.recompute


def test_an_old_runs_config_means_what_it_meant(tmp_path: Path):
    """As config.yaml was written before there were switches and presets."""
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
def test_on_the_command_line_what_is_given_wins_over_the_preset(arguments: list[str], reverb: float, gain: float):
    options = parse("x", "", arguments).config.augmentation
    assert (options.reverb.probability, options.gain.probability) == (reverb, gain)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"epochs": 0}, "epochs"),
        ({"lora": {"rank": -1}}, "lora.rank"),
        ({"context": {"min_margin_s": 2, "max_margin_s": 1}}, "max_margin_s"),
        ({"learning_rat": 1}, "learning_rat"),
    ],
)
def test_a_wrong_value_is_named(values: dict, named: str):
    with pytest.raises(OptionError, match=named):
        check_config(values, "the form")


def test_broken_yaml_is_one_sentence(tmp_path: Path):
    path = tmp_path / "broken.yaml"
    path.write_text("epochs: [1")
    with pytest.raises(OptionError, match=r"broken\.yaml: line 1, expected ',' or '\]'"):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold `name: value` lines"),
        ("- epochs", "must hold `name: value` lines"),
        ("epochs:", "epochs: Input should be a valid integer"),
        ("epochs: yes", "epochs: Input should be a valid integer"),
        ("epochs: 1\nlora: {rank: 8}\nepochs: 2", "'epochs' is there twice"),
        ("lora: {rank: 8, rank: 4}", "'rank' is there twice"),
        ("a: &a [*a]", "an alias"),
    ],
)
def test_a_file_of_settings_that_cannot_be_meant_is_refused(text: str, sentence: str, tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(OptionError, match=sentence) as told:
        parse("x", "", ["--config", str(path)])
    assert "mine.yaml" in str(told.value)


def test_norwegian_is_no_boolean(tmp_path: Path):
    (tmp_path / "no.yaml").write_text("language: no\naugmentation: {preset: off}\ncompute: {recompute: true}")
    config = parse("x", "", ["--config", str(tmp_path / "no.yaml")]).config
    assert (config.language, config.augmentation.preset, config.compute.recompute) == ("no", "off", True)


@pytest.mark.parametrize("order", [1, -1])
def test_options_win_over_the_file_wherever_they_stand(order: int, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("epochs: 7\nlora: {rank: 8, alpha: 8}\ncorpus_weights: {a: 2}\ncorpus: [a, b]")
    pairs = [("--config", str(tmp_path / "mine.yaml")), ("--epochs", "2"), ("--lora.rank", "4")]
    config = parse("x", "", [word for pair in pairs[::order] for word in pair]).config
    assert (config.epochs, config.lora.rank, config.lora.alpha) == (2, 4, 8)
    assert config.corpus_weights == {"a": 2}


def test_what_is_given_twice_is_refused():
    with pytest.raises(OptionError, match=r"--corpus is given 2 times.*for several corpora"):
        parse("x", "", ["--corpus", "a", "--corpus", "b"])


@pytest.mark.parametrize("option", [["--epochs", "4"], ["--runs", "elsewhere"], ["--name", "x"], ["--lora.rank", "32"]])
def test_a_resumed_run_takes_no_settings_not_even_the_defaults(option: list[str]):
    with pytest.raises(OptionError, match="cannot change a run that is resumed"):
        parse("x", "", ["--resume", "runs/r", *option])


def test_a_run_is_resumed_from_any_folder(tmp_path: Path, monkeypatch):
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
    assert config.weight_of(tmp_path / "data" / "b") == 0.5
    assert (config.base, config.augmentation.background.folder) == ("tiny", str(tmp_path / "noises"))
    assert config.augmentation.preset == "strong"


def test_a_run_whose_status_was_lost_can_be_resumed(tmp_path: Path):
    run = create_run(TrainingConfig(), tmp_path, "r")
    for lost in (b"", b"{", b"\xff"):
        run.status_file.write_bytes(lost)
        assert run.status().state == "interrupted"
        assert "resume" in (run.status().reason or "")
    run.status_file.unlink()
    assert begin(run) == 1
    assert run.status().state == "running"


def test_a_repeated_step_keeps_the_last_attempt_and_torn_lines_are_ignored(tmp_path: Path):
    run = create_run(TrainingConfig(), tmp_path)
    for attempt, steps in ((1, (1, 2, 3)), (2, (3, 4))):
        for step in steps:
            run.append_metrics({"kind": "step", "step": step, "epoch": 0, "attempt": attempt})
    with run.metrics_file.open("a") as file:
        file.write('{"step": 5, "ep')
    assert [(r["step"], r["attempt"]) for r in run.metrics()] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    run.append_metrics({"kind": "step", "step": 5, "epoch": 0, "attempt": 2})
    assert run.metrics()[-1]["step"] == 5


def test_a_job_whose_process_is_gone_is_interrupted(tmp_path: Path):
    run = create_run(TrainingConfig(), tmp_path)
    run.update_status(state="running", pid=2**22 + 1, pid_started=0.0)
    assert run.status().state == "interrupted"


def test_a_run_is_never_made_over_another(tmp_path: Path):
    create_run(TrainingConfig(), tmp_path, "mine")
    with pytest.raises(TrainingError, match="choose another name"):
        create_run(TrainingConfig(), tmp_path, "mine")


def test_a_folder_that_is_no_run_says_so(tmp_path: Path):
    with pytest.raises(TrainingError, match="not a run folder"):
        Run(tmp_path).status()


def test_a_job_that_was_killed_under_a_living_studio_is_interrupted(tmp_path: Path):
    """Its process is a zombie until somebody waits for it; it must not look alive."""
    run = create_run(TrainingConfig(), tmp_path)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    run.update_status(state="running", pid=process.pid, pid_started=psutil.Process(process.pid).create_time())
    assert run.status().state == "running"
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert run.status().state == "interrupted"
    process.wait()


def test_a_stop_that_came_before_the_job_had_begun_is_heard_and_an_old_one_is_forgotten(tmp_path: Path, monkeypatch):
    run = create_run(TrainingConfig(), tmp_path, "r")
    monkeypatch.setenv(LAUNCHED_FOR, "r")
    run.request_stop()
    begin(run)
    assert run.stop_file.exists()
    run.update_status(state="interrupted")
    begin(run)
    assert not run.stop_file.exists()
