"""The standard recipe, as the guides teach it: Transformers' Seq2SeqTrainer and PEFT, every input padded to 30 s.

python -m benchmarks.training.standard ORDER.json, in a process of its own: its memory is measured from outside. The
inputs are computed before the clock starts, as the guides do, too."""

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Order:
    """What is to be trained, and for how long."""

    weights: str  # Transformers directory
    audio: list[str]
    tokens: list[list[int]]  # prompt + text + end of each
    out: str  # the adapter's folder
    batch_size: int
    learning_rate: float
    rank: int
    alpha: int
    dropout: float
    bfloat16: bool
    device: str
    max_seconds: float
    seed: int


def train(order: Order) -> dict[str, float]:
    """One pass, or as much of it as the time allows -> {"utterances", "seconds"}."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import (
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        TrainerCallback,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
    )

    from audio.decode import decode
    from training.lora import LINEAR_LAYERS

    extractor = WhisperFeatureExtractor(feature_size=80)
    model = WhisperForConditionalGeneration.from_pretrained(order.weights, dtype=torch.float32)
    lora = LoraConfig(
        r=order.rank, lora_alpha=order.alpha, lora_dropout=order.dropout, target_modules=LINEAR_LAYERS, bias="none"
    )
    adapted = get_peft_model(model, lora)
    rows = [
        {
            "input_features": extractor(decode(Path(path)), sampling_rate=16_000).input_features[0],
            "labels": ids[1:],  # the model puts the start token in front itself
        }
        for path, ids in zip(order.audio, order.tokens, strict=True)
    ]

    def collate(batch: list[dict]) -> dict:
        longest = max(len(row["labels"]) for row in batch)
        labels = [row["labels"] + [-100] * (longest - len(row["labels"])) for row in batch]
        features = torch.stack([torch.tensor(row["input_features"]) for row in batch])
        return {"input_features": features, "labels": torch.tensor(labels)}

    class Clock(TrainerCallback):
        began = 0.0
        steps = 0

        def on_train_begin(self, args, state, control, **_):
            self.began = time.perf_counter()

        def on_step_end(self, args, state, control, **_):
            self.steps = state.global_step
            control.should_training_stop = time.perf_counter() - self.began > order.max_seconds

    clock = Clock()
    steps = -(-len(rows) // order.batch_size)
    arguments = Seq2SeqTrainingArguments(
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
    Seq2SeqTrainer(model=adapted, args=arguments, train_dataset=rows, data_collator=collate, callbacks=[clock]).train()  # pyright: ignore[reportArgumentType]
    seconds = time.perf_counter() - clock.began
    adapted.save_pretrained(order.out)
    return {"utterances": min(len(rows), clock.steps * order.batch_size), "seconds": seconds}


def write(order: Order, path: Path) -> Path:
    path.write_text(json.dumps(asdict(order)), encoding="utf-8")
    return path


if __name__ == "__main__":
    print(json.dumps(train(Order(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))))
