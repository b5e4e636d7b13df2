"""The LightningModule: Whisper, or an adapter of it, trained on short contexts."""

import os
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import WhisperForConditionalGeneration

from qal.audio.samples import FRAMES_PER_SECOND
from qal.engine.decoding import Tokenizer
from qal.evaluation.error_rates import count_errors
from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.examples import IGNORED, Batch, Example
from qal.training.loop.distributed import gathered, torch_device
from qal.training.loop.micro_batches import Memory, loss_in_parts, while_memory_lasts
from qal.training.loop.optimizer import make_optimizer, make_schedule
from qal.training.model.lora import RankBudget, unwrapped
from qal.training.model.short_context import greedy

STEPS_A_SEED = 1_000_003
RANKS_A_SEED = 2**40
SAMPLES = 8  # validation rows that are shown
CPU_PART_S = 60  # of sound, contexts included


class Validated(NamedTuple):
    """One row of the validation."""

    example: int
    text: str
    loss: float  # of its batch


def sample(example: Example, heard: str) -> dict[str, str | None]:
    """A validation row as people look at it."""
    return {
        "audio": os.path.abspath(example.audio),
        "text": example.reference,
        "heard": heard,
        "language": example.language,
    }


def part_frames(config: TrainingConfig) -> int | None:
    """Rows x frames whose gradients are computed at once. A CPU gains nothing by more, and its memory is smaller."""
    seconds = config.compute.part_seconds or (CPU_PART_S if torch_device(config) == "cpu" else None)
    return None if seconds is None else int(seconds * FRAMES_PER_SECOND)


class SpeechModule(pl.LightningModule):
    """Cross-entropy on the transcripts; validation is generated text, scored in words and characters."""

    def __init__(
        self,
        model: nn.Module,
        config: TrainingConfig,
        tokenizer: Tokenizer,
        validation: list[Example],
        total_steps: int,
    ):
        super().__init__()
        self.model, self.config, self.total_steps = model, config, total_steps
        self.tokenizer, self.validation = tokenizer, validation
        self.trained = {name: tuple(p.shape) for name, p in self.named_parameters() if p.requires_grad}
        self.strict_loading = False  # a checkpoint holds what is trained alone
        self.budget = (
            RankBudget(model) if config.trained.adapter == "adalora" and isinstance(model, PeftModel) else None
        )
        self.memory, self.listening = Memory(part_frames(config)), Memory()  # of training and of validation
        self.computes_in_parts = True
        self._validated: list[Validated] = []
        self.heard: list[dict[str, str | None]] = []  # at the last validation, of its first rows

    @property
    def halvings(self) -> int:
        """How often a batch did not fit in memory."""
        return self.memory.halvings + self.listening.halvings

    @property
    def whisper(self) -> WhisperForConditionalGeneration:
        return unwrapped(self.model)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Dropout is drawn from seed and step, so that a resumed run draws what an unbroken one would."""
        batches = self.config.optimizer.accumulate
        done = self.global_step * batches + batch_idx % batches
        torch.manual_seed(self.config.seed * STEPS_A_SEED + done + RANKS_A_SEED * self.global_rank)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The batch's loss; its gradients are computed on the way, in parts where the memory does not suffice."""
        parameters = [p for p in self.parameters() if p.requires_grad]
        if self.computes_in_parts:
            scaler = getattr(self.trainer.precision_plugin, "scaler", None)
            loss = loss_in_parts(self, self.memory, batch, parameters, scaler.get_scale() if scaler else 1.0)
        else:
            loss = torch.stack(self.loss_terms(batch)).sum()
        if self.budget:
            loss = loss + self.budget.penalty()
        if self.config.optimizer.accumulate > 1:
            loss = loss * (self.config.optimizer.accumulate / self.gathered_batches(batch_idx))
        return loss if loss.requires_grad else loss + 0 * parameters[0].sum()  # every layer that learns was dropped

    def gathered_batches(self, batch_idx: int) -> int:
        """How many batches this one's step adds up; an epoch's last step may have fewer, and their mean counts."""
        wanted, batches = self.config.optimizer.accumulate, int(self.trainer.num_training_batches)
        if self.trainer.strategy.handles_gradient_accumulation:  # DeepSpeed goes on adding in the next epoch
            return wanted
        return min(wanted, batches - batch_idx // wanted * wanted)

    def positions(self, batch: Batch) -> tuple[int, ...]:
        return (int((batch.labels != IGNORED).sum()),)

    def loss_terms(self, batch: Batch) -> tuple[Tensor, ...]:
        return (self.loss(batch),)

    def loss(self, batch: Batch) -> Tensor:
        frames = self.whisper.model.encoder(batch.mel).last_hidden_state
        hidden = self.whisper.model.decoder(input_ids=batch.inputs, encoder_hidden_states=frames).last_hidden_state
        spoken = batch.labels != IGNORED  # the vocabulary is large: only these positions are projected onto it
        scores = self.whisper.proj_out(hidden[spoken]).float()
        smoothing = self.config.optimizer.label_smoothing if self.training else 0.0
        return functional.cross_entropy(scores, batch.labels[spoken], label_smoothing=smoothing)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        if batch.examples:  # else none of its rows could be heard
            self._validated += while_memory_lasts(self.listening, batch, self._validate_parts)

    def _validate_parts(self, parts: list[Batch]) -> list[Validated]:
        return [row for part in parts for row in self._validate(part)]

    def _validate(self, batch: Batch) -> list[Validated]:
        loss = float(self.loss(batch))
        examples = [self.validation[i] for i in batch.examples]
        prompts = torch.tensor([e.prompt for e in examples], device=batch.mel.device)
        texts = [self.tokenizer.decode(ids) for ids in greedy(self.whisper, batch.mel, prompts)]
        return [Validated(i, text, loss) for i, text in zip(batch.examples, texts, strict=True)]

    def on_validation_epoch_end(self) -> None:
        """Over the rows of all ranks, each once, so that the figures are those of a single process."""
        rows = {row.example: row for rank in gathered(self._validated) for row in rank}
        self._validated.clear()
        if not rows:
            return
        found = [rows[i] for i in sorted(rows)]
        counts = count_errors([self.validation[row.example].reference for row in found], [row.text for row in found])
        self.heard = [sample(self.validation[row.example], row.text) for row in found[:SAMPLES]]
        loss = sum(row.loss for row in found) / len(found)
        self.log_dict({"wer": counts.wer, "cer": counts.cer, "validation_loss": loss}, logger=False)

    def configure_optimizers(self) -> Any:
        optimizer = make_optimizer(self, self.config)
        schedule = make_schedule(optimizer, self.config, self.total_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def optimizer_step(self, epoch: int, batch_idx: int, *args: Any, **named: Any) -> None:
        super().optimizer_step(epoch, batch_idx, *args, **named)
        if self.budget:
            self.budget.update(self.global_step + 1)

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.memory.load_state_dict(checkpoint.get("memory", self.memory.state_dict()))
        self.listening.load_state_dict(checkpoint.get("listening", self.listening.state_dict()))
        if self.budget:
            self.budget.load(checkpoint["rank_budget"])

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["state_dict"] = {n: v for n, v in checkpoint["state_dict"].items() if n in self.trained}
        checkpoint["memory"], checkpoint["listening"] = self.memory.state_dict(), self.listening.state_dict()
        if self.budget:
            checkpoint["rank_budget"] = self.budget.state()
