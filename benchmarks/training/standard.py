"""The standard recipe, as in the usual guides: Transformers' Seq2SeqTrainer and PEFT, every input padded to 30 s.

Run as python -m benchmarks.training.standard SETTINGS.json, in a process of its own, so that its memory is measured
alone. The inputs are computed before the clock starts, as in the guides."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    TrainerCallback,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from benchmarks.training.recipe_settings import RecipeSettings, read
from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.training.model.lora import LINEAR_LAYERS


class Clock(TrainerCallback):
    """Counts time from the first step, and ends the training after the given time."""

    def __init__(self, max_seconds: float):
        self.max_seconds, self.began, self.steps = max_seconds, 0.0, 0

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.steps = state.global_step
        control.should_training_stop = self.seconds > self.max_seconds


def train(settings: RecipeSettings) -> dict[str, float]:
    """Trains one pass, or as much of it as the time allows; returns {"utterances", "seconds"}."""
    adapted, clock = adapted_model(settings), Clock(settings.max_seconds)
    rows: Any = inputs(settings)  # the trainer takes any sequence
    trainer = Seq2SeqTrainer(
        model=adapted, args=arguments(settings), train_dataset=rows, data_collator=collate, callbacks=[clock]
    )
    trainer.train()
    seconds = clock.seconds
    adapted.save_pretrained(settings.out)
    return {"utterances": min(len(rows), clock.steps * settings.batch_size), "seconds": seconds}


def adapted_model(settings: RecipeSettings) -> PeftModel:
    model = WhisperForConditionalGeneration.from_pretrained(settings.weights, dtype=torch.float32)
    lora = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=LINEAR_LAYERS,
        bias="none",
    )
    return get_peft_model(model, lora)


def inputs(settings: RecipeSettings) -> list[dict[str, Any]]:
    extractor = WhisperFeatureExtractor(feature_size=80)
    sounds = (decode(Path(path)) for path in settings.audio)
    features = [extractor(sound, sampling_rate=SAMPLE_RATE).input_features[0] for sound in sounds]
    # the model adds the start token
    return [{"input_features": f, "labels": ids[1:]} for f, ids in zip(features, settings.tokens, strict=True)]


def collate(batch: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    longest = max(len(row["labels"]) for row in batch)
    labels = [row["labels"] + [-100] * (longest - len(row["labels"])) for row in batch]
    features = torch.stack([torch.tensor(row["input_features"]) for row in batch])
    return {"input_features": features, "labels": torch.tensor(labels)}


def arguments(settings: RecipeSettings) -> Seq2SeqTrainingArguments:
    steps = -(-len(settings.audio) // settings.batch_size)
    return Seq2SeqTrainingArguments(
        output_dir=settings.out,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_steps=max(1, steps // 10),
        num_train_epochs=1,
        bf16=settings.bfloat16,
        use_cpu=settings.device == "cpu",
        remove_unused_columns=False,
        label_names=["labels"],
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        seed=settings.seed,
    )


if __name__ == "__main__":
    print(json.dumps(train(read(Path(sys.argv[1])))))
