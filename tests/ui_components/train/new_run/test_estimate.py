"""The estimate of a run: exact steps, and time and memory from measurements."""

import random
from dataclasses import replace

import pytest

from qal.engine.settings.device import choose_device
from qal.jobs.measured_runs import (
    describe_machine,
    measured_runs,
    parameter_count,
    summarise_examples,
)
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.jobs.stages import StageStatus
from qal.jobs.time_estimate import (
    BENCHMARK_PARAMETERS,
    BENCHMARK_SPEED,
    ExampleSummary,
    Machine,
    MeasuredRun,
    epoch_work,
    expected_stage_s,
)
from qal.resources import CONFIGS
from qal.training.data.buckets import LengthBucketSampler
from qal.training.model.lightning_module import CPU_MICRO_BATCH_S as TRAINER_MICRO_BATCH_S
from tests.run_folders import scripted_run
from tests.ui_components.train.new_run.form import small_corpus
from ui_components.train.new_run import estimate
from ui_components.train.new_run.checks import cached_corpus
from ui_components.train.new_run.estimate import Estimate, estimate_run
from ui_components.train.new_run.view import estimate_html

CPU = Machine("cpu", cores=2, has_fast_bfloat16=True, free_memory_mb=16_000, free_disk_mb=50_000)
EXAMPLES = ExampleSummary([2.0] * 400, [1.0] * 400, available=500, validation=60, test=130)


def config_of(**values) -> TrainingConfig:
    return TrainingConfig.model_validate({"base": "base", **values})


def estimate_of(
    config: TrainingConfig, *measured: MeasuredRun, machine: Machine = CPU, parameters: float = BENCHMARK_PARAMETERS
) -> Estimate:
    return estimate_run(config, EXAMPLES, parameters, machine, measured)


def train_minutes(config: TrainingConfig, *measured: MeasuredRun, parameters: float = BENCHMARK_PARAMETERS) -> float:
    minutes = estimate_of(config, *measured, parameters=parameters).train_minutes
    assert minutes is not None
    return minutes


@pytest.mark.parametrize("seed", range(30))
def test_estimated_steps_equal_the_steps_of_the_trainer(seed: int):
    rng = random.Random(seed)
    durations_s = [rng.uniform(0.5, 20) for _ in range(rng.randint(1, 300))]
    possible_weights = [1.0, 2.0] if seed % 2 else [0.3, 1.0, 2.5]
    weights = [rng.choice(possible_weights) for _ in durations_s]
    compute = {"batch_seconds": rng.uniform(5, 200)} if seed % 2 else {}
    config = config_of(
        batch_size=rng.randint(1, 32),
        epochs=rng.randint(1, 5),
        compute=compute,
        optimizer={"accumulate": rng.randint(1, 3)},
        machine={"devices": rng.randint(1, 3)},
    )
    devices = config.machine.devices
    sampler = LengthBucketSampler(
        durations_s, config.batch_size, 0, config.compute.batch_seconds, weights, rank=0, world_size=devices
    )
    examples = ExampleSummary(durations_s, weights, 0, 0, 0)
    estimated = estimate_run(config, examples, BENCHMARK_PARAMETERS, CPU, [])
    assert estimated.steps == -(-len(sampler) // config.optimizer.accumulate) * config.epochs


def test_work_is_the_number_of_examples_times_their_context():
    config = config_of(batch_size=10, context={"min_margin_s": 1, "max_margin_s": 1, "full_share": 0})
    assert epoch_work(config, EXAMPLES) == (400 * 3.0, 40)
    full_context = config_of(batch_size=10, context={"full_share": 1})
    assert epoch_work(full_context, EXAMPLES) == (400 * 30.0, 40)


def test_train_time_grows_with_epochs_model_size_and_cost_of_a_step():
    usual = train_minutes(config_of())
    assert train_minutes(config_of(epochs=8)) == pytest.approx(2 * usual)
    assert train_minutes(config_of(), parameters=3 * BENCHMARK_PARAMETERS) == pytest.approx(3 * usual)
    assert train_minutes(config_of(lora={"dora": True})) > usual
    assert train_minutes(config_of(precision="32-true")) > usual
    assert train_minutes(config_of(trained={"part": "decoder"})) < usual


def test_evaluation_time_does_not_depend_on_the_cost_of_a_step():
    def evaluation_minutes(config: TrainingConfig) -> float:
        estimated = estimate_of(config)
        return (estimated.minutes or 0) - (estimated.train_minutes or 0)

    usual = evaluation_minutes(config_of())
    assert evaluation_minutes(config_of(compute={"recompute": True})) == pytest.approx(usual)
    assert evaluation_minutes(config_of(report_utterances=1)) < usual


def test_measured_runs_replace_the_benchmark():
    slow = MeasuredRun("slow", config_of(), speed=BENCHMARK_SPEED / 4, memory_mb=9000)
    assert train_minutes(config_of(), slow) == pytest.approx(4 * train_minutes(config_of()))
    estimated = estimate_of(config_of(), slow)
    assert estimated.memory_mb == pytest.approx(9000)
    assert "slow" in estimated.basis
    assert "rough" not in estimated.basis.lower()
    assert "Rough" in estimate_of(config_of()).basis
    dora = replace(slow, config=config_of(lora={"dora": True}))
    assert train_minutes(config_of(), dora) < train_minutes(config_of(), slow)


def test_time_and_memory_are_unknown_for_a_device_without_measured_runs():
    estimated = estimate_of(config_of(), machine=replace(CPU, device="cuda"))
    assert (estimated.train_minutes, estimated.minutes, estimated.memory_mb) == (None, None, None)
    assert "unknown" in estimate_html(estimated)


@pytest.mark.parametrize(
    ("machine", "word"), [({"free_memory_mb": 500}, "memory"), ({"free_disk_mb": 10}, "disk"), ({}, None)]
)
def test_too_little_memory_or_disk_space_is_a_warning(machine, word):
    estimated = estimate_of(config_of(), machine=replace(CPU, **machine))
    assert [word in warning for warning in estimated.warnings] == ([True] if word else [])
    assert ("problem" in estimate_html(estimated)) == (word is not None)


def test_memory_grows_with_the_micro_batch_and_with_the_trainable_weights():
    def memory_mb(**values) -> float:
        return estimate_of(config_of(**values)).memory_mb or 0

    assert memory_mb(compute={"part_seconds": 120}) > memory_mb() > memory_mb(compute={"recompute": True})
    assert memory_mb(batch_size=256) == memory_mb()
    assert memory_mb(trained={"adapter": "none"}) > memory_mb()


def test_estimate_and_trainer_use_the_same_micro_batch_size():
    assert estimate.CPU_MICRO_BATCH_S == TRAINER_MICRO_BATCH_S


def test_limits_on_examples_are_applied_and_shown(studio_with_corpora):
    corpus = cached_corpus(small_corpus(studio_with_corpora.data / "more", rows=100))
    examples = summarise_examples([corpus], config_of(max_utterances=20))
    assert (len(examples.durations_s), examples.available) == (20, 60)
    assert len(summarise_examples([corpus], config_of(max_utterance_s=2.25)).durations_s) < 60
    assert "20 of 60" in estimate_html(estimate_run(config_of(), examples, 72e6, CPU, []))


def test_runs_with_the_same_base_model_are_measured(studio_with_corpora):
    run = scripted_run(studio_with_corpora.runs, "old", "finished")
    config = load_config(run.config_file)
    assert measured_runs(studio_with_corpora.runs, config) == []
    for step in range(41, 49):
        metrics = {"utterances_per_second": 5.0 + step % 2, "context_s": 4.0, "memory_mb": 3000 + step}
        run.append_metrics({"kind": "step", "step": step, "epoch": 4, "attempt": 0, "loss": 1.0, **metrics})
    (measured,) = measured_runs(studio_with_corpora.runs, config)
    assert (measured.run, measured.speed, measured.memory_mb) == ("old", 22.0, 3048)
    assert measured_runs(studio_with_corpora.runs, config.model_copy(update={"base": "small"})) == []
    named = config.model_copy(update={"device": choose_device("auto")})  # the same device by its name
    assert measured_runs(studio_with_corpora.runs, named) == [measured]
    assert measured_runs(studio_with_corpora.runs, config.model_copy(update={"device": "mps"})) == []


def test_machine_has_cores_and_free_space_and_parameter_count_follows_the_model_name(studio_with_corpora):
    machine = describe_machine(studio_with_corpora.runs / "not yet", load_config(CONFIGS / "quick.yaml"))
    assert machine.cores >= 1
    assert machine.free_memory_mb > 0
    assert machine.free_disk_mb > 0
    assert parameter_count("large-v3-turbo", studio_with_corpora.runs) == 809e6
    assert parameter_count("distil-large-v3", studio_with_corpora.runs) == 756e6


def test_estimate_counts_every_stage_of_the_run():
    examples = replace(EXAMPLES, retention=48)
    stage_s = expected_stage_s(config_of(), examples, BENCHMARK_PARAMETERS, CPU, [])
    assert stage_s is not None
    assert set(stage_s) == {"prepare", "train", "validate", "merge", "check", "gate", "report", "retention"}
    assert min(stage_s.values()) > 0
    estimated = estimate_run(config_of(), examples, BENCHMARK_PARAMETERS, CPU, [])
    assert estimated.minutes == pytest.approx(sum(stage_s.values()) / 60)
    distilled = expected_stage_s(config_of(method="distill"), examples, BENCHMARK_PARAMETERS, CPU, [])
    assert distilled is not None
    assert "teach" in distilled
    assert "retention" not in distilled
    searched = expected_stage_s(config_of(find_learning_rate=True), examples, BENCHMARK_PARAMETERS, CPU, [])
    assert set(searched or ()) == {"prepare", "find"}


def test_gate_that_is_switched_off_takes_no_time():
    config = TrainingConfig.model_validate({**config_of().model_dump(), "result": {"gate": "off"}})
    assert "gate" not in (expected_stage_s(config, EXAMPLES, BENCHMARK_PARAMETERS, CPU, []) or {})


def test_measured_seconds_of_a_stage_replace_the_benchmark():
    measured = MeasuredRun("r", config_of(), BENCHMARK_SPEED, None, unit_s={"report": 5.0})
    stage_s = expected_stage_s(config_of(), EXAMPLES, BENCHMARK_PARAMETERS, CPU, [measured]) or {}
    usual_s = expected_stage_s(config_of(), EXAMPLES, BENCHMARK_PARAMETERS, CPU, []) or {}
    assert stage_s["report"] == 5.0 * EXAMPLES.test
    assert stage_s["check"] == usual_s["check"]


def test_estimate_of_quick_is_within_a_factor_of_two_of_a_measured_run():
    """The run of docs/benchmarks.md on two cores: 345 examples, 88 steps, and two other datasets."""
    examples = ExampleSummary([2.6] * 345, [1.0] * 345, available=345, validation=53, test=128)
    config = load_config(CONFIGS / "quick.yaml")
    stage_s = expected_stage_s(config, examples, BENCHMARK_PARAMETERS, CPU, []) or {}
    measured_s = {"prepare": 12, "train": 247, "validate": 20, "merge": 3, "check": 61, "report": 161}
    assert 0.5 < sum(stage_s.values()) / sum(measured_s.values()) < 2


def test_stages_of_a_finished_run_give_the_seconds_per_unit(studio_with_corpora):
    run = scripted_run(studio_with_corpora.runs, "old", "finished")
    for step in range(41, 49):
        metrics = {"utterances_per_second": 5.0, "context_s": 4.0}
        run.append_metrics({"kind": "step", "step": step, "epoch": 4, "attempt": 0, "loss": 1.0, **metrics})
    stages = [
        StageStatus(name="train", done=40, total=40, seconds=80.0, over=True),
        StageStatus(name="validate", done=30, total=60, seconds=3.0, over=True),
        StageStatus(name="report", done=20, total=20, seconds=30.0),
        StageStatus(name="retention", done=5, total=20, seconds=30.0),
    ]
    run.update_status(stages=tuple(stages))
    (measured,) = measured_runs(studio_with_corpora.runs, load_config(run.config_file))
    assert measured.unit_s == {"validate": 0.1, "report": 1.5}


def test_examples_of_the_check_for_forgetting_are_those_of_other_datasets(studio_with_corpora):
    own = cached_corpus(small_corpus(studio_with_corpora.data / "own", rows=100))
    alone = summarise_examples([own], config_of()).retention
    small_corpus(studio_with_corpora.data / "other", rows=100)
    assert summarise_examples([own], config_of()).retention == alone + 16
    chosen = config_of(retention={"corpora": [str(studio_with_corpora.data / "other")], "utterances": 3})
    assert summarise_examples([own], chosen).retention == 3


def test_sizes_below_a_gigabyte_are_shown_in_megabytes():
    estimated = estimate_of(config_of(), machine=replace(CPU, free_disk_mb=40))
    assert "40 MB free" in estimate_html(estimated, free_memory_mb=16_000, free_disk_mb=40)
    assert "40 MB are free" in estimated.warnings[0]
