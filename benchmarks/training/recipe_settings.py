"""The settings of the standard recipe, which runs in a process of its own."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class RecipeSettings:
    """The data, the weights and the duration of one training of the standard recipe."""

    weights: str  # Transformers directory
    audio: list[str]
    tokens: list[list[int]]  # token ids of each: prompt, text, end token
    out: str  # folder for the adapter
    batch_size: int
    learning_rate: float
    rank: int
    alpha: int
    dropout: float
    bfloat16: bool
    device: str
    max_seconds: float
    seed: int


def write(settings: RecipeSettings, path: Path) -> Path:
    path.write_text(json.dumps(asdict(settings)), encoding="utf-8")
    return path


def read(path: Path) -> RecipeSettings:
    return RecipeSettings(**json.loads(path.read_text(encoding="utf-8")))
