"""Faults during training: unusable audio, non-finite steps, lack of memory, a full disk."""

import json
import logging
import resource
import shutil
import wave
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from qal.errors import AudioDecodeError, TrainingError
from qal.jobs.options.running import CheckpointOptions
from qal.jobs.run import Run
from qal.jobs.skipped_audio import SkippedAudio, UnusableAudio, load_audio
from qal.training.loop.checkpoints import LAST_CHECKPOINT, REQUIRED_KEYS, Checkpoints
from qal.training.loop.micro_batches import MicroBatchLimit, is_out_of_memory, micro_batched_loss, split_batch
from qal.training.model.lightning_module import SpeechModule
from tests.training.tiny_run import TOTAL_STEPS, identical, last_checkpoint, losses, step_metrics, tiny_fit

DETERMINISTIC = {
    "lora": {"rank": 4, "dropout": 0},
    "augmentation": {"waveform": 0, "time_masks": 0, "frequency_masks": 0},
}
MORE_THAN_ANY_MEMORY = 2**55  # elements


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())


def write_float_wav(path: Path, samples: np.ndarray) -> None:
    """Writes IEEE floats, which can be NaN."""
    data = samples.astype("<f4").tobytes()
    format_chunk = np.array([16, 0x10003, 16_000, 64_000, 4 | 32 << 16], "<u4").tobytes()
    size = np.array([36 + len(data)], "<u4").tobytes()
    path.write_bytes(
        b"RIFF" + size + b"WAVEfmt " + format_chunk + b"data" + np.array([len(data)], "<u4").tobytes() + data
    )


BAD_FILES = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "no samples": lambda path: write_wav(path, np.zeros(0)),
    "not audio": lambda path: path.write_bytes(b"<html>not found</html>"),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 4]),
    "not a number": lambda path: write_float_wav(path, np.full(16_000, np.nan)),
    "too long": lambda path: write_wav(path, np.resize([1000, -1000], 31 * 16_000)),
    "silent": lambda path: write_wav(path, np.zeros(16_000)),
    "constant": lambda path: write_wav(path, np.full(16_000, 5000)),
}


@pytest.mark.parametrize("fault", BAD_FILES)
def test_unusable_audio_raises_an_error_that_names_the_file(fault, tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, np.resize([1000, -1000], 16_000))
    assert len(load_audio(path, 1.0)) == 16_000
    BAD_FILES[fault](path)
    with pytest.raises(AudioDecodeError, match=r"a\.wav: "):
        load_audio(path, 1.0)


def test_bad_files_are_skipped_and_listed_once(tiny_weights, tiny_corpus, tmp_path):
    """The bad files are one batch and one of two in another, and one is in the validation."""
    train = [tiny_corpus.audio_path(row) for row in tiny_corpus.select("train")]
    held_out = tiny_corpus.audio_path(tiny_corpus.select("validation")[0])
    for path in (train[0], train[2], held_out):
        path.write_bytes(b"not audio")
    run = tiny_fit(tmp_path, tiny_weights, tiny_corpus, faults={"bad_rows_share": 0.9}, validation_utterances=4)
    listed = [json.loads(line) for line in run.skipped_file.read_text().splitlines()]
    assert {row["audio"] for row in listed} == {str(train[0]), str(train[2]), str(held_out)}
    assert len(listed) == 3
    assert all("not readable as audio" in row["reason"] for row in listed)
    assert len(step_metrics(run)) == TOTAL_STEPS
    assert run.status().skipped_rows == 3


def test_too_many_bad_files_fail_the_run(tiny_weights, tiny_corpus, tmp_path):
    tiny_corpus.audio_path(tiny_corpus.select("train")[0]).unlink()
    with pytest.raises(TrainingError, match=r"1 of 5 examples have unusable audio.*there is no such file"):
        tiny_fit(tmp_path, tiny_weights, tiny_corpus)


@pytest.mark.parametrize(("n_bad", "n_rows"), [(5, 100), (1, 20)])
def test_share_of_bad_rows_may_reach_its_limit_and_not_exceed_it(n_bad, n_rows, tmp_path):
    skipped = SkippedAudio(tmp_path / "skipped.jsonl", n_rows, max_share=0.05)
    skipped.add(UnusableAudio(str(i), "reason") for i in range(n_bad))
    with pytest.raises(TrainingError, match=f"{n_bad + 1} of {n_rows}"):
        skipped.add([UnusableAudio("another", "reason")])


def test_bad_rows_repaired_before_a_resume_do_not_count(tmp_path):
    file, bad_rows = tmp_path / "skipped.jsonl", [UnusableAudio(str(i), "reason") for i in range(5)]
    SkippedAudio(file, 100, max_share=0.05).add(bad_rows)
    resumed = SkippedAudio(file, 100, max_share=0.05)
    assert [row.audio for row in resumed.add([UnusableAudio("another", "reason")])] == ["another"]
    assert len(resumed) == 6  # all rows that any attempt skipped
    with pytest.raises(TrainingError, match="6 of 100"):
        resumed.add(bad_rows)


def test_step_with_a_nonfinite_gradient_is_skipped_and_changes_no_weight(
    tiny_weights, module_corpus, tmp_path, monkeypatch
):
    weights: list[dict[str, Tensor]] = []

    def record(self, *_):
        weights.append({name: p.detach().clone() for name, p in self.named_parameters() if p.requires_grad})

    original_loss = SpeechModule.loss

    def infinite_in_step_3(self, batch):
        return original_loss(self, batch) * (np.inf if len(weights) == 2 else 1)

    monkeypatch.setattr(SpeechModule, "on_train_batch_end", record)
    monkeypatch.setattr(SpeechModule, "loss", infinite_in_step_3)
    run = tiny_fit(tmp_path, tiny_weights, module_corpus)
    assert identical(weights[2], weights[1])
    assert not identical(weights[3], weights[2])
    rows = [json.loads(line, parse_constant=pytest.fail) for line in run.metrics_file.read_text().splitlines()]
    skipped = [row for row in rows if row.get("skipped")]
    assert [row["step"] for row in skipped] == [3]
    assert "loss" not in skipped[0]
    assert run.status().skipped_steps == 1


def test_nonfinite_steps_in_a_row_fail_the_run_with_the_reason(tiny_weights, module_corpus, tmp_path, monkeypatch):
    loss = SpeechModule.loss
    monkeypatch.setattr(SpeechModule, "loss", lambda self, batch: loss(self, batch) * np.nan)
    with pytest.raises(TrainingError, match=r"3 steps in a row.*lower learning_rate"):
        tiny_fit(tmp_path, tiny_weights, module_corpus, faults={"skipped_steps": 3})
    assert [row["step"] for row in step_metrics(Run(tmp_path / "r"))] == [1, 2, 3]


class Points(NamedTuple):
    mel: Tensor  # (examples, 1, frames)
    target: Tensor  # (examples, 2)


class TwoTermModel:
    """A matrix whose loss has two terms over different positions; it runs out of memory above `max_examples`."""

    def __init__(self, max_examples: int):
        self.weight = torch.linspace(-1, 1, 8).reshape(4, 2).requires_grad_()
        self.max_examples = max_examples

    def positions(self, batch: Any) -> tuple[int, ...]:
        return len(batch.mel), int((batch.target[:, 0] > 0).sum())

    def loss_terms(self, batch: Any) -> tuple[Tensor, ...]:
        if len(batch.mel) > self.max_examples:
            torch.empty(MORE_THAN_ANY_MEMORY)  # raises the allocator's own error
        error = (batch.mel[:, 0] @ self.weight - batch.target) ** 2
        return error.mean(), error[batch.target[:, 0] > 0].mean()


def points(n_examples: int) -> Points:
    rng = torch.Generator().manual_seed(0)
    return Points(torch.randn(n_examples, 1, 4, generator=rng), torch.randn(n_examples, 2, generator=rng))


@pytest.mark.parametrize(
    ("max_examples", "scale", "micro_batches"), [(8, 1.0, 1), (4, 1.0, 2), (3, 1024.0, 4), (1, 1.0, 8)]
)
def test_micro_batches_give_the_loss_and_gradient_of_the_batch(max_examples, scale, micro_batches):
    model, limit, batch = TwoTermModel(max_examples), MicroBatchLimit(), points(8)
    loss = micro_batched_loss(model, limit, batch, [model.weight], scale)
    (loss * scale).backward()  # as a GradScaler would
    unlimited = TwoTermModel(8)
    expected = torch.stack(unlimited.loss_terms(batch)).sum()
    expected.backward()
    assert model.weight.grad is not None
    assert unlimited.weight.grad is not None
    torch.testing.assert_close(model.weight.grad / scale, unlimited.weight.grad)
    torch.testing.assert_close(loss, expected)
    assert limit.count(batch) == micro_batches  # the halved limit stays


def test_batch_of_short_contexts_is_not_split_when_one_of_long_contexts_is():
    limit, long = MicroBatchLimit(), Points(torch.zeros(8, 1, 3000), torch.zeros(8, 2))
    limit.halve(long)
    assert limit.count(long) == 2
    assert limit.count(Points(torch.zeros(8, 1, 500), torch.zeros(8, 2))) == 1


def test_micro_batches_hold_every_example_once_and_in_order():
    batch = points(7)
    assert torch.equal(torch.cat([micro_batch.mel for micro_batch in split_batch(batch, 3)]), batch.mel)


def test_single_example_that_does_not_fit_into_memory_fails_the_run_with_the_reason():
    model = TwoTermModel(0)
    with pytest.raises(TrainingError, match="out of memory on one utterance"):
        micro_batched_loss(model, MicroBatchLimit(), points(4), [model.weight])


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_out_of_memory_errors_of_every_kind_are_recognised(error):
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


def loss_values(run: Run) -> list[float | None]:
    return [loss for _, loss in losses(run)]


def test_run_out_of_memory_continues_with_micro_batches(tiny_weights, module_corpus, tmp_path, monkeypatch, caplog):
    expected = tiny_fit(tmp_path / "plain", tiny_weights, module_corpus, batch_size=4, **DETERMINISTIC)
    original_loss = SpeechModule.loss

    def out_of_memory_above_2(self, batch):
        if len(batch.mel) > 2 and self.training:
            torch.empty(MORE_THAN_ANY_MEMORY)
        return original_loss(self, batch)

    monkeypatch.setattr(SpeechModule, "loss", out_of_memory_above_2)
    with caplog.at_level(logging.WARNING, "qal"):
        run = tiny_fit(tmp_path / "limited", tiny_weights, module_corpus, batch_size=4, **DETERMINISTIC)
    assert [row["parts"] for row in step_metrics(run)] == [2, 2]
    assert run.status().halvings == 1
    assert "from now on at most 2 at once" in caplog.text
    assert loss_values(run) == pytest.approx(loss_values(expected), rel=1e-5)


def test_part_seconds_splits_batches_and_keeps_the_losses(tiny_weights, module_corpus, tmp_path):
    settings = {"batch_size": 4, **DETERMINISTIC}
    expected = tiny_fit(tmp_path / "plain", tiny_weights, module_corpus, **settings)
    split = tiny_fit(tmp_path / "split", tiny_weights, module_corpus, **settings, compute={"part_seconds": 1})
    assert [row["parts"] for row in step_metrics(split)] == [4, 4]
    assert split.status().halvings == 0
    assert loss_values(split) == pytest.approx(loss_values(expected), rel=1e-5)


def test_full_disk_skips_checkpoints_and_the_run_continues(tiny_weights, module_corpus, tmp_path, monkeypatch, caplog):
    """From step 5 on the disk is full; the checkpoint of step 4 is kept, and one warning is logged."""
    disk_usage = shutil.disk_usage
    run = Run(tmp_path / "r")

    def full_after_step_4(path):
        full = run.metrics_file.exists() and len(losses(run)) > 4
        return disk_usage(path)._replace(free=1_000_000) if full else disk_usage(path)

    monkeypatch.setattr(shutil, "disk_usage", full_after_step_4)
    with caplog.at_level(logging.WARNING, "qal"):
        tiny_fit(tmp_path, tiny_weights, module_corpus)
    assert last_checkpoint(run)["global_step"] == 4
    assert caplog.text.count("no checkpoint could be written") == 1
    assert "free some disk space" in (run.status().warning or "")
    assert len(step_metrics(run)) == TOTAL_STEPS


def test_checkpoint_whose_write_fails_does_not_replace_the_last_one(tmp_path):
    """A file size limit of the system interrupts the write in the middle of the file."""
    state = {**{key: {} for key in REQUIRED_KEYS}, "state_dict": {"w": torch.zeros(1000)}}
    checkpoints = Checkpoints(tmp_path, CheckpointOptions(), {"w": (1000,)})
    assert checkpoints.save(lambda path: torch.save(state, path))
    before = (tmp_path / LAST_CHECKPOINT).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        assert not checkpoints.save(lambda path: torch.save(state, path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / LAST_CHECKPOINT).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [LAST_CHECKPOINT]
    assert checkpoints.warning is not None
