"""What the standard recipe is told to train; it runs in a process of its own."""

import json
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


def write(order: Order, path: Path) -> Path:
    path.write_text(json.dumps(asdict(order)), encoding="utf-8")
    return path


def read(path: Path) -> Order:
    return Order(**json.loads(path.read_text(encoding="utf-8")))
