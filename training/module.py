"""The LightningModule: Whisper, or an adapter of it, trained on short contexts."""

from typing import Any

import pytorch_lightning as pl
import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn import functional
from transformers import WhisperForConditionalGeneration

from engine.decoding import Tokenizer
from evaluation.wer import count_errors
from training.config import TrainingConfig
from training.examples import IGNORED, Batch, Example
from training.lora import RankBudget, unwrapped
from training.optimisation import make_optimizer, make_schedule
from training.short_context import greedy

STEPS_A_SEED = 1_000_003


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
        self.strict_loading = False  # a checkpoint holds what is trained alone
        self.budget = (
            RankBudget(model) if config.trained.adapter == "adalora" and isinstance(model, PeftModel) else None
        )
        self._validated: list[tuple[str, str]] = []

    @property
    def whisper(self) -> WhisperForConditionalGeneration:
        return unwrapped(self.model)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Dropout is drawn from seed and step, so that a resumed run draws what an unbroken one would."""
        batches = self.config.optimizer.accumulate
        done = self.global_step * batches + batch_idx % batches
        torch.manual_seed(self.config.seed * STEPS_A_SEED + done)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return self.regularised(self.loss(batch))

    def regularised(self, loss: Tensor) -> Tensor:
        """With AdaLoRA's penalty. Where every layer that learns was dropped, nothing is learned."""
        if self.budget:
            loss = loss + self.budget.penalty()
        return loss if loss.requires_grad else loss + 0 * next(p for p in self.parameters() if p.requires_grad).sum()

    def loss(self, batch: Batch) -> Tensor:
        frames = self.whisper.model.encoder(batch.mel).last_hidden_state
        hidden = self.whisper.model.decoder(input_ids=batch.inputs, encoder_hidden_states=frames).last_hidden_state
        spoken = batch.labels != IGNORED  # the vocabulary is large: only these positions are projected onto it
        scores = self.whisper.proj_out(hidden[spoken]).float()
        smoothing = self.config.optimizer.label_smoothing if self.training else 0.0
        return functional.cross_entropy(scores, batch.labels[spoken], label_smoothing=smoothing)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("validation_loss", self.loss(batch), batch_size=len(batch.mel), logger=False)
        examples = [self.validation[i] for i in batch.examples]
        prompts = torch.tensor([e.prompt for e in examples], device=batch.mel.device)
        texts = [self.tokenizer.decode(ids) for ids in greedy(self.whisper, batch.mel, prompts)]
        self._validated += zip([e.reference for e in examples], texts, strict=True)

    def on_validation_epoch_end(self) -> None:
        references, texts = zip(*self._validated, strict=True)
        self._validated.clear()
        counts = count_errors(references, texts)
        self.log_dict({"wer": counts.wer, "cer": counts.cer}, logger=False)

    def configure_optimizers(self) -> Any:
        optimizer = make_optimizer(self, self.config)
        schedule = make_schedule(optimizer, self.config, self.total_steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def optimizer_step(self, epoch: int, batch_idx: int, *args: Any, **named: Any) -> None:
        super().optimizer_step(epoch, batch_idx, *args, **named)
        if self.budget:
            self.budget.update(self.global_step + 1)

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        if self.budget:
            self.budget.load(checkpoint["rank_budget"])

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        trained = {name for name, p in self.named_parameters() if p.requires_grad}
        checkpoint["state_dict"] = {n: v for n, v in checkpoint["state_dict"].items() if n in trained}
        if self.budget:
            checkpoint["rank_budget"] = self.budget.state()
