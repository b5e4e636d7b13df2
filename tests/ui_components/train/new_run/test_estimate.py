"""What a run will take: steps exactly, the rest as it was measured, scaled in a stated way."""

import random
from dataclasses import replace

import pytest

from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.resources import CONFIGS
from qal.training.data.buckets import LengthBucketSampler
from qal.training.model.lightning_module import CPU_MICRO_BATCH_S as TRAINER_MICRO_BATCH_S
from tests.run_folders import scripted_run
from tests.ui_components.train.new_run.form import small_corpus
from ui_components.train.new_run import estimate as estimates
from ui_components.train.new_run.checks import corpus_of
from ui_components.train.new_run.estimate import BENCHMARK_PARAMETERS, Machine, Measured, Rows, estimate, work
from ui_components.train.new_run.measured_runs import machine_of, measured_runs, parameters_of, rows_of
from ui_components.train.new_run.view import estimate_html

CPU = Machine("cpu", cores=2, bfloat16=True, free_memory_mb=16_000, free_disk_mb=50_000)
ROWS = Rows([2.0] * 400, [1.0] * 400, offered=500, validation=60, test=130)


def config_of(**values) -> TrainingConfig:
    return TrainingConfig.model_validate({"base": "base", **values})


def minutes(config: TrainingConfig, *measured: Measured, rows: Rows = ROWS, parameters=BENCHMARK_PARAMETERS) -> float:
    found = estimate(config, rows, parameters, CPU, measured).train_minutes
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(30))
def test_steps_are_those_of_the_trainer(seed: int):
    rng = random.Random(seed)
    durations = [rng.uniform(0.5, 20) for _ in range(rng.randint(1, 300))]
    fractions = [1.0, 2.0] if seed % 2 else [0.3, 1.0, 2.5]
    weights = [rng.choice(fractions) for _ in durations]
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
        durations, config.batch_size, 0, config.compute.batch_seconds, weights, rank=0, world_size=devices
    )
    told = estimate(config, Rows(durations, weights, 0, 0, 0), BENCHMARK_PARAMETERS, CPU, [])
    assert told.steps == -(-len(sampler) // config.optimizer.accumulate) * config.epochs


def test_work_is_rows_times_context():
    config = config_of(batch_size=10, context={"min_margin_s": 1, "max_margin_s": 1, "full_share": 0})
    assert work(config, ROWS) == (400 * 3.0, 40)
    full = config_of(batch_size=10, context={"full_share": 1})
    assert work(full, ROWS) == (400 * 30.0, 40)


def test_time_follows_epochs_size_and_what_a_step_costs():
    usual = minutes(config_of())
    assert minutes(config_of(epochs=8)) == pytest.approx(2 * usual)
    assert minutes(config_of(), parameters=3 * BENCHMARK_PARAMETERS) == pytest.approx(3 * usual)
    assert minutes(config_of(lora={"dora": True})) > usual
    assert minutes(config_of(precision="32-true")) > usual
    assert minutes(config_of(trained={"part": "decoder"})) < usual


def test_check_and_report_take_no_longer_when_a_step_does():
    def rest(config: TrainingConfig) -> float:
        told = estimate(config, ROWS, BENCHMARK_PARAMETERS, CPU, [])
        return (told.minutes or 0) - (told.train_minutes or 0)

    assert rest(config_of(compute={"recompute": True})) == pytest.approx(rest(config_of()))
    assert rest(config_of(report_utterances=1)) < rest(config_of())


def test_a_run_of_the_same_base_tells_more_than_the_benchmark():
    slow = Measured("slow", config_of(), speed=estimates.BENCHMARK_SPEED / 4, memory_mb=9000)
    assert minutes(config_of(), slow) == pytest.approx(4 * minutes(config_of()))
    told = estimate(config_of(), ROWS, BENCHMARK_PARAMETERS, CPU, [slow])
    assert told.memory_mb == pytest.approx(9000)
    assert "slow" in told.basis
    assert "rough" not in told.basis.lower()
    assert "Rough" in estimate(config_of(), ROWS, BENCHMARK_PARAMETERS, CPU, []).basis
    dora = replace(slow, config=config_of(lora={"dora": True}))
    assert minutes(config_of(), dora) < minutes(config_of(), slow)


def test_nothing_is_made_up_for_a_device_on_which_nothing_was_measured():
    gpu = replace(CPU, device="cuda")
    told = estimate(config_of(), ROWS, BENCHMARK_PARAMETERS, gpu, [])
    assert (told.train_minutes, told.minutes, told.memory_mb) == (None, None, None)
    assert "unknown" in estimate_html(told)


@pytest.mark.parametrize(
    ("machine", "word"), [({"free_memory_mb": 500}, "memory"), ({"free_disk_mb": 10}, "disk"), ({}, None)]
)
def test_too_little_memory_or_disk_is_told(machine, word):
    told = estimate(config_of(), ROWS, BENCHMARK_PARAMETERS, replace(CPU, **machine), [])
    assert [word in warning for warning in told.warnings] == ([True] if word else [])
    assert ("problem" in estimate_html(told)) == (word is not None)


def test_memory_grows_with_what_is_computed_at_once_and_with_what_learns():
    def memory(**values) -> float:
        return estimate(config_of(**values), ROWS, BENCHMARK_PARAMETERS, CPU, []).memory_mb or 0

    assert memory(compute={"part_seconds": 120}) > memory() > memory(compute={"recompute": True})
    assert memory(batch_size=256) == memory()
    assert memory(trained={"adapter": "none"}) > memory()


def test_a_part_is_as_large_as_the_trainers():
    assert estimates.CPU_MICRO_BATCH_S == TRAINER_MICRO_BATCH_S


def test_caps_and_filters_count(furnished):
    corpus = corpus_of(small_corpus(furnished.data / "more", rows=100))
    rows = rows_of([corpus], config_of(max_utterances=20))
    assert (len(rows.durations_s), rows.offered) == (20, 60)
    assert len(rows_of([corpus], config_of(max_utterance_s=2.25)).durations_s) < 60
    assert "20 of 60" in estimate_html(estimate(config_of(), rows, 72e6, CPU, []))


def test_runs_of_the_same_base_are_measured(furnished):
    run = scripted_run(furnished.runs, "old", "finished")
    config = load_config(run.config_file)
    assert measured_runs(furnished.runs, config) == []
    for step in range(41, 49):
        figures = {"utterances_per_second": 5.0 + step % 2, "context_s": 4.0, "memory_mb": 3000 + step}
        run.append_metrics({"kind": "step", "step": step, "epoch": 4, "attempt": 0, "loss": 1.0, **figures})
    (one,) = measured_runs(furnished.runs, config)
    assert (one.run, one.speed, one.memory_mb) == ("old", 22.0, 3048)
    assert measured_runs(furnished.runs, config.model_copy(update={"base": "small"})) == []


def test_the_machine_is_looked_at(furnished):
    machine = machine_of(furnished.runs / "not yet", load_config(CONFIGS / "quick.yaml"))
    assert machine.cores >= 1
    assert machine.free_memory_mb > 0
    assert machine.free_disk_mb > 0
    assert parameters_of("large-v3-turbo", furnished.runs) == 809e6
    assert parameters_of("distil-large-v3", furnished.runs) == 756e6
