"""What goes wrong on purpose here: sound, numbers, memory, disk. A run bears it, or stops with one sentence."""

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
from qal.jobs.skipped_audio import BadRow, SkippedRows, heard
from qal.training.loop.checkpoints import LAST_CHECKPOINT, Checkpoints
from qal.training.loop.micro_batches import Memory, is_out_of_memory, loss_in_parts, split
from qal.training.model.lightning_module import SpeechModule
from tests.training.tiny_run import STEPS, final_state, losses, same, steps, tiny_fit

QUIET = {"lora": {"rank": 4, "dropout": 0}, "augmentation": {"waveform": 0, "time_masks": 0, "frequency_masks": 0}}


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())


def write_float_wav(path: Path, samples: np.ndarray) -> None:
    """IEEE floats, which unlike integers can be no number at all."""
    data = samples.astype("<f4").tobytes()
    form = np.array([16, 0x10003, 16_000, 64_000, 4 | 32 << 16], "<u4").tobytes()
    size = np.array([36 + len(data)], "<u4").tobytes()
    path.write_bytes(b"RIFF" + size + b"WAVEfmt " + form + b"data" + np.array([len(data)], "<u4").tobytes() + data)


BAD_FILES = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "no samples": lambda path: write_wav(path, np.zeros(0)),
    "not audio": lambda path: path.write_bytes(b"<html>not found</html>"),
    "torn": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 4]),
    "not a number": lambda path: write_float_wav(path, np.full(16_000, np.nan)),
    "too long": lambda path: write_wav(path, np.zeros(31 * 16_000)),
}


@pytest.mark.parametrize("fault", BAD_FILES)
def test_sound_that_cannot_be_used_is_told_in_one_sentence(fault, tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, np.ones(16_000))
    assert len(heard(path, 1.0)) == 16_000
    BAD_FILES[fault](path)
    with pytest.raises(AudioDecodeError, match=r"a\.wav: "):
        heard(path, 1.0)


def test_bad_files_are_skipped_and_listed_once(tiny_weights, tiny_corpus, tmp_path):
    """A whole batch of them too, and one of the validation."""
    train = [tiny_corpus.audio_path(row) for row in tiny_corpus.select("train")]
    held_out = tiny_corpus.audio_path(tiny_corpus.select("validation")[0])
    for path in (train[0], train[2], held_out):
        path.write_bytes(b"not audio")
    run = tiny_fit(tmp_path, tiny_weights, tiny_corpus, faults={"bad_rows_share": 0.9}, validation_utterances=4)
    listed = [json.loads(line) for line in run.skipped_file.read_text().splitlines()]
    assert {row["audio"] for row in listed} == {str(train[0]), str(train[2]), str(held_out)}
    assert len(listed) == 3
    assert all("not readable as audio" in row["reason"] for row in listed)
    assert len(steps(run)) == STEPS
    assert run.status().skipped_rows == 3


def test_too_many_bad_files_end_the_run(tiny_weights, tiny_corpus, tmp_path):
    tiny_corpus.audio_path(tiny_corpus.select("train")[0]).unlink()
    with pytest.raises(TrainingError, match=r"1 of 5 rows have audio that cannot be used.*there is no such file"):
        tiny_fit(tmp_path, tiny_weights, tiny_corpus)


@pytest.mark.parametrize(("bad", "rows"), [(5, 100), (1, 20)])
def test_the_share_of_bad_rows_is_a_bound_that_may_be_reached(bad, rows, tmp_path):
    skipped = SkippedRows(tmp_path / "skipped.jsonl", rows, share=0.05)
    skipped.add(BadRow(str(i), "why") for i in range(bad))
    with pytest.raises(TrainingError, match=f"{bad + 1} of {rows}"):
        skipped.add([BadRow("another", "why")])


def test_rows_that_were_mended_before_a_resume_no_longer_count(tmp_path):
    file, found = tmp_path / "skipped.jsonl", [BadRow(str(i), "why") for i in range(5)]
    SkippedRows(file, 100, share=0.05).add(found)
    again = SkippedRows(file, 100, share=0.05)
    assert [row.audio for row in again.add([BadRow("another", "why")])] == ["another"]
    assert len(again) == 6  # all that were ever left out
    with pytest.raises(TrainingError, match="6 of 100"):
        again.add(found)


def test_a_step_without_a_finite_gradient_changes_no_weight(tiny_weights, module_corpus, tmp_path, monkeypatch):
    weights: list[dict[str, Tensor]] = []

    def remember(self, *_):
        weights.append({name: p.detach().clone() for name, p in self.named_parameters() if p.requires_grad})

    loss = SpeechModule.loss

    def third_is_infinite(self, batch):
        return loss(self, batch) * (np.inf if len(weights) == 2 else 1)

    monkeypatch.setattr(SpeechModule, "on_train_batch_end", remember)
    monkeypatch.setattr(SpeechModule, "loss", third_is_infinite)
    run = tiny_fit(tmp_path, tiny_weights, module_corpus)
    assert same(weights[2], weights[1])
    assert not same(weights[3], weights[2])
    rows = [json.loads(line, parse_constant=pytest.fail) for line in run.metrics_file.read_text().splitlines()]
    skipped = [row for row in rows if row.get("skipped")]
    assert [row["step"] for row in skipped] == [3]
    assert "loss" not in skipped[0]
    assert run.status().skipped_steps == 1


def test_steps_that_stay_broken_end_the_run_with_the_reason(tiny_weights, module_corpus, tmp_path, monkeypatch):
    loss = SpeechModule.loss
    monkeypatch.setattr(SpeechModule, "loss", lambda self, batch: loss(self, batch) * np.nan)
    with pytest.raises(TrainingError, match=r"3 steps in a row.*lower learning_rate"):
        tiny_fit(tmp_path, tiny_weights, module_corpus, faults={"skipped_steps": 3})
    assert [row["step"] for row in steps(Run(tmp_path / "r"))] == [1, 2, 3]


class Points(NamedTuple):
    mel: Tensor  # (rows, 1, frames)
    wanted: Tensor  # (rows, 2)


class TwoMeans:
    """A model of one matrix whose loss has two terms over different positions; it bears so many rows at once."""

    def __init__(self, most_rows: int):
        self.weight = torch.linspace(-1, 1, 8).reshape(4, 2).requires_grad_()
        self.most_rows = most_rows

    def positions(self, batch: Any) -> tuple[int, ...]:
        return len(batch.mel), int((batch.wanted[:, 0] > 0).sum())

    def loss_terms(self, batch: Any) -> tuple[Tensor, ...]:
        if len(batch.mel) > self.most_rows:
            torch.empty(2**55)  # the real error of the real allocator
        error = (batch.mel[:, 0] @ self.weight - batch.wanted) ** 2
        return error.mean(), error[batch.wanted[:, 0] > 0].mean()


def points(rows: int) -> Points:
    rng = torch.Generator().manual_seed(0)
    return Points(torch.randn(rows, 1, 4, generator=rng), torch.randn(rows, 2, generator=rng))


@pytest.mark.parametrize(("most_rows", "scale"), [(8, 1.0), (4, 1.0), (3, 1024.0), (1, 1.0)])
def test_a_batch_in_parts_has_the_loss_and_gradient_of_the_whole(most_rows, scale):
    model, memory, batch = TwoMeans(most_rows), Memory(), points(8)
    loss = loss_in_parts(model, memory, batch, [model.weight], scale)
    (loss * scale).backward()  # as a GradScaler would
    found = model.weight.grad
    plain = TwoMeans(8)
    expected = torch.stack(plain.loss_terms(batch)).sum()
    expected.backward()
    assert found is not None
    assert plain.weight.grad is not None
    torch.testing.assert_close(found / scale, plain.weight.grad)
    torch.testing.assert_close(loss, expected)
    assert memory.parts(batch) == {8: 1, 4: 2, 3: 4, 1: 8}[most_rows]  # halved until it fitted, and kept


def test_short_contexts_stay_whole_when_long_ones_are_divided():
    memory, long = Memory(), Points(torch.zeros(8, 1, 3000), torch.zeros(8, 2))
    memory.halve(long)
    assert memory.parts(long) == 2
    assert memory.parts(Points(torch.zeros(8, 1, 500), torch.zeros(8, 2))) == 1


def test_parts_hold_every_row_once_and_in_order():
    batch = points(7)
    assert torch.equal(torch.cat([part.mel for part in split(batch, 3)]), batch.mel)


def test_one_row_that_does_not_fit_ends_the_run_with_the_reason():
    model = TwoMeans(0)
    with pytest.raises(TrainingError, match="out of memory on one utterance"):
        loss_in_parts(model, Memory(), points(4), [model.weight])


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_every_kind_of_memory_error_is_known(error):
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


def test_a_run_out_of_memory_goes_on_with_half_batches(tiny_weights, module_corpus, tmp_path, monkeypatch, caplog):
    plain = tiny_fit(tmp_path / "plain", tiny_weights, module_corpus, batch_size=4, **QUIET)
    loss = SpeechModule.loss

    def hungry(self, batch):
        if len(batch.mel) > 2 and self.training:
            torch.empty(2**55)
        return loss(self, batch)

    monkeypatch.setattr(SpeechModule, "loss", hungry)
    with caplog.at_level(logging.WARNING, "qal"):
        run = tiny_fit(tmp_path / "hungry", tiny_weights, module_corpus, batch_size=4, **QUIET)
    assert [row["parts"] for row in steps(run)] == [2, 2]
    assert run.status().halvings == 1
    assert "from now on at most 2 at once" in caplog.text
    assert [loss for _, loss in losses(run)] == pytest.approx([loss for _, loss in losses(plain)], rel=1e-5)


def test_a_batch_larger_than_its_part_learns_the_same(tiny_weights, module_corpus, tmp_path):
    whole = tiny_fit(tmp_path / "whole", tiny_weights, module_corpus, batch_size=4, **QUIET)
    parts = tiny_fit(
        tmp_path / "parts", tiny_weights, module_corpus, batch_size=4, **QUIET, compute={"part_seconds": 1}
    )
    assert [row["parts"] for row in steps(parts)] == [4, 4]
    assert parts.status().halvings == 0
    assert [loss for _, loss in losses(parts)] == pytest.approx([loss for _, loss in losses(whole)], rel=1e-5)


def test_a_full_disk_costs_the_checkpoint_and_not_the_run(tiny_weights, module_corpus, tmp_path, monkeypatch, caplog):
    """From step 5 on there is no space; the checkpoint of step 4 stays, and it is said once."""
    usage = shutil.disk_usage
    run = Run(tmp_path / "r")

    def nearly_full(path):
        full = run.metrics_file.exists() and len(losses(run)) > 4
        return usage(path)._replace(free=1_000_000) if full else usage(path)

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    with caplog.at_level(logging.WARNING, "qal"):
        tiny_fit(tmp_path, tiny_weights, module_corpus)
    assert final_state(run)["global_step"] == 4
    assert caplog.text.count("no checkpoint could be written") == 1
    assert "free some space" in (run.status().warning or "")
    assert len(steps(run)) == STEPS


def test_a_checkpoint_that_the_disk_cut_off_is_not_taken(tmp_path):
    """The system refuses to let files grow: a real error in the middle of a real file."""
    state = {name: {} for name in ("optimizer_states", "lr_schedulers", "loops", "global_step")}
    weights = {"w": torch.zeros(1000)}
    checkpoints = Checkpoints(tmp_path, CheckpointOptions(), {"w": (1000,)})
    assert checkpoints.save(lambda path: torch.save({**state, "state_dict": weights}, path))
    before = (tmp_path / LAST_CHECKPOINT).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        assert not checkpoints.save(lambda path: torch.save({**state, "state_dict": weights}, path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / LAST_CHECKPOINT).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [LAST_CHECKPOINT]
    assert checkpoints.warning is not None
