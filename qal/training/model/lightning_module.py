"""The LightningModule: Whisper, or a PEFT model around it, trained on short contexts."""

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
from qal.jobs.options.learning import CPU_MICRO_BATCH_S
from qal.jobs.options.training_config import TrainingConfig
from qal.text.error_measure import Measure
from qal.training.data.examples import IGNORED_LABEL, Batch, Example
from qal.training.loop.distributed import all_gather, torch_device
from qal.training.loop.learning_rate_schedules import make_schedule
from qal.training.loop.micro_batches import MicroBatchLimit, micro_batched_loss, with_enough_memory
from qal.training.loop.optimizer import is_fused, make_optimizer
from qal.training.model.lora import RankBudget, unwrap_whisper
from qal.training.model.short_context import greedy_decode

STEP_SEED_FACTOR = 1_000_003  # above the number of batches in a run, so that runs with other seeds draw other masks
RANK_SEED_OFFSET = 2**40
MAX_SAMPLE_PREDICTIONS = 8
DECIDING_RATE = "error_rate"  # the metric that early stopping and "keep best" compare: the WER or the CER


class ValidatedExample(NamedTuple):
    """Prediction for one validation example."""

    example_index: int
    prediction: str
    batch_loss: float


def sample_prediction(example: Example, prediction: str) -> dict[str, str | None]:
    """Makes an entry of samples.jsonl."""
    return {
        "audio": os.path.abspath(example.audio),
        "text": example.reference,
        "heard": prediction,
        "language": example.language,
    }


def max_micro_batch_frames(config: TrainingConfig) -> int | None:
    """Limit of a micro-batch in examples x frames; None for no limit.

    On a CPU larger micro-batches are no faster and need more memory, so it has a default limit."""
    seconds = config.compute.part_seconds or (CPU_MICRO_BATCH_S if torch_device(config) == "cpu" else None)
    return None if seconds is None else int(seconds * FRAMES_PER_SECOND)


class SpeechModule(pl.LightningModule):
    """Trains with cross-entropy on the transcripts; validates generated text by word and character error rate.

    `measure` (the error rate that decides) and `validated_utterances` are those of the last validation."""

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
        self.trainable_shapes = {name: tuple(p.shape) for name, p in self.named_parameters() if p.requires_grad}
        self.strict_loading = False  # a checkpoint holds the trainable weights alone
        uses_adalora = config.trained.adapter == "adalora"
        self.rank_budget = RankBudget(model) if uses_adalora and isinstance(model, PeftModel) else None
        self.train_limit, self.validation_limit = MicroBatchLimit(max_micro_batch_frames(config)), MicroBatchLimit()
        self.uses_micro_batches = True
        self.sample_predictions: list[dict[str, str | None]] = []  # of the last validation
        self.measure: Measure = "WER"
        self.validated_utterances = 0
        self._validated: list[ValidatedExample] = []

    @property
    def halvings(self) -> int:
        """How often a micro-batch did not fit into memory and was halved."""
        return self.train_limit.halvings + self.validation_limit.halvings

    @property
    def whisper(self) -> WhisperForConditionalGeneration:
        return unwrap_whisper(self.model)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seeds dropout by seed, step and rank, so that a resumed run draws the same masks as an uninterrupted one."""
        accumulate = self.config.optimizer.accumulate
        batch_number = self.global_step * accumulate + batch_idx % accumulate
        torch.manual_seed(self.config.seed * STEP_SEED_FACTOR + batch_number + RANK_SEED_OFFSET * self.global_rank)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Returns the batch's loss; with micro-batches its gradients are computed here already."""
        parameters = [p for p in self.parameters() if p.requires_grad]
        if self.uses_micro_batches:
            scaler = getattr(self.trainer.precision_plugin, "scaler", None)
            scale = scaler.get_scale() if scaler else 1.0
            loss = micro_batched_loss(self, self.train_limit, batch, parameters, scale)
        else:
            loss = torch.stack(self.loss_terms(batch)).sum()
        if self.rank_budget:
            loss = loss + self.rank_budget.penalty()
        if self.config.optimizer.accumulate > 1:
            loss = loss * (self.config.optimizer.accumulate / self.batches_in_step(batch_idx))
        if not loss.requires_grad:  # every trainable layer was dropped
            loss = loss + 0 * parameters[0].sum()
        return loss

    def batches_in_step(self, batch_idx: int) -> int:
        """Number of batches whose gradients are accumulated in this batch's step.

        An epoch's last step may have fewer than the others."""
        accumulate, batches = self.config.optimizer.accumulate, int(self.trainer.num_training_batches)
        if self.trainer.strategy.handles_gradient_accumulation:  # DeepSpeed accumulates across epochs
            return accumulate
        return min(accumulate, batches - batch_idx // accumulate * accumulate)

    def positions(self, batch: Batch) -> tuple[int, ...]:
        """Number of positions that each loss term averages; see `LossModel`."""
        return (int((batch.labels != IGNORED_LABEL).sum()),)

    def loss_terms(self, batch: Batch) -> tuple[Tensor, ...]:
        """Loss terms of the batch; see `LossModel`."""
        return (self.loss(batch),)

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy over the labels."""
        frames = self.whisper.model.encoder(batch.mel).last_hidden_state
        hidden = self.whisper.model.decoder(input_ids=batch.inputs, encoder_hidden_states=frames).last_hidden_state
        labelled = batch.labels != IGNORED_LABEL  # only these positions are projected to the large vocabulary
        scores = self.whisper.proj_out(hidden[labelled]).float()
        smoothing = self.config.optimizer.label_smoothing if self.training else 0.0
        return functional.cross_entropy(scores, batch.labels[labelled], label_smoothing=smoothing)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        if batch.example_indices:  # empty where the audio of none of its examples can be used
            self._validated += with_enough_memory(self.validation_limit, batch, self._validate_all)

    def _validate_all(self, micro_batches: list[Batch]) -> list[ValidatedExample]:
        return [validated for micro_batch in micro_batches for validated in self._validate(micro_batch)]

    def _validate(self, batch: Batch) -> list[ValidatedExample]:
        loss = float(self.loss(batch))
        examples = [self.validation[i] for i in batch.example_indices]
        prompts = torch.tensor([e.prompt for e in examples], device=batch.mel.device)
        texts = [self.tokenizer.decode(ids) for ids in greedy_decode(self.whisper, batch.mel, prompts)]
        return [ValidatedExample(i, text, loss) for i, text in zip(batch.example_indices, texts, strict=True)]

    def on_validation_epoch_end(self) -> None:
        """Logs the error rates over the examples of all ranks, each counted once, as a single process would."""
        by_index = {v.example_index: v for of_rank in all_gather(self._validated) for v in of_rank}
        self._validated.clear()
        if not by_index:
            return
        validated = [by_index[index] for index in sorted(by_index)]
        examples = [self.validation[v.example_index] for v in validated]
        predictions = [v.prediction for v in validated]
        counts = count_errors([e.reference for e in examples], predictions, [e.language for e in examples])
        self.measure, self.validated_utterances = counts.measure, len(validated)
        shown = list(zip(examples, validated, strict=True))[:MAX_SAMPLE_PREDICTIONS]
        self.sample_predictions = [sample_prediction(example, v.prediction) for example, v in shown]
        loss = sum(v.batch_loss for v in validated) / len(validated)
        rates = {"wer": counts.wer, "cer": counts.cer, DECIDING_RATE: counts.rate}
        self.log_dict({**rates, "validation_loss": loss}, logger=False)

    def configure_optimizers(self) -> Any:
        optimizer = make_optimizer(self, self.config)
        schedule = make_schedule(optimizer, self.config, self.total_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def optimizer_step(self, epoch: int, batch_idx: int, *args: Any, **named: Any) -> None:
        super().optimizer_step(epoch, batch_idx, *args, **named)
        if self.rank_budget:
            self.rank_budget.update(self.global_step + 1)

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clips the gradient's norm. Lightning refuses it for a fused optimizer, which might unscale gradients."""
        if is_fused(optimizer) and gradient_clip_val:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            torch.nn.utils.clip_grad_norm_(weights, gradient_clip_val)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.train_limit.load_state_dict(checkpoint.get("memory", self.train_limit.state_dict()))
        self.validation_limit.load_state_dict(checkpoint.get("listening", self.validation_limit.state_dict()))
        if self.rank_budget:
            self.rank_budget.load(checkpoint["rank_budget"])

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        """Keeps the trainable weights alone and adds the state of memory limits and rank budget."""
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {name: weight for name, weight in state.items() if name in self.trainable_shapes}
        checkpoint["memory"] = self.train_limit.state_dict()
        checkpoint["listening"] = self.validation_limit.state_dict()
        if self.rank_budget:
            checkpoint["rank_budget"] = self.rank_budget.state()
