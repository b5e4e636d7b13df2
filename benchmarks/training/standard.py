"""The standard recipe, as the guides teach it: Transformers' Seq2SeqTrainer and PEFT, every input padded to 30 s.

python -m benchmarks.training.standard ORDER.json, in a process of its own: its memory is measured from outside. The
inputs are computed before the clock starts, as the guides do, too."""

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

from benchmarks.training.order import Order, read
from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.training.model.lora import LINEAR_LAYERS


class Clock(TrainerCallback):
    """From the first step on; ends the training when the time is over."""

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


def train(order: Order) -> dict[str, float]:
    """One pass, or as much of it as the time allows -> {"utterances", "seconds"}."""
    adapted, rows, clock = adapted_model(order), inputs(order), Clock(order.max_seconds)
    trainer = Seq2SeqTrainer(
        model=adapted, args=arguments(order), train_dataset=rows, data_collator=collate, callbacks=[clock]
    )  # pyright: ignore[reportArgumentType]
    trainer.train()
    seconds = clock.seconds
    adapted.save_pretrained(order.out)
    return {"utterances": min(len(rows), clock.steps * order.batch_size), "seconds": seconds}


def adapted_model(order: Order) -> PeftModel:
    model = WhisperForConditionalGeneration.from_pretrained(order.weights, dtype=torch.float32)
    lora = LoraConfig(
        r=order.rank, lora_alpha=order.alpha, lora_dropout=order.dropout, target_modules=LINEAR_LAYERS, bias="none"
    )
    return get_peft_model(model, lora)


def inputs(order: Order) -> list[dict[str, Any]]:
    extractor = WhisperFeatureExtractor(feature_size=80)
    sounds = (decode(Path(path)) for path in order.audio)
    features = [extractor(sound, sampling_rate=SAMPLE_RATE).input_features[0] for sound in sounds]
    # the model puts the start token in front itself
    return [{"input_features": f, "labels": ids[1:]} for f, ids in zip(features, order.tokens, strict=True)]


def collate(batch: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    longest = max(len(row["labels"]) for row in batch)
    labels = [row["labels"] + [-100] * (longest - len(row["labels"])) for row in batch]
    features = torch.stack([torch.tensor(row["input_features"]) for row in batch])
    return {"input_features": features, "labels": torch.tensor(labels)}


def arguments(order: Order) -> Seq2SeqTrainingArguments:
    steps = -(-len(order.audio) // order.batch_size)
    return Seq2SeqTrainingArguments(
        output_dir=order.out,
        per_device_train_batch_size=order.batch_size,
        learning_rate=order.learning_rate,
        warmup_steps=max(1, steps // 10),
        num_train_epochs=1,
        bf16=order.bfloat16,
        use_cpu=order.device == "cpu",
        remove_unused_columns=False,
        label_names=["labels"],
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        seed=order.seed,
    )


if __name__ == "__main__":
    print(json.dumps(train(read(Path(sys.argv[1])))))
