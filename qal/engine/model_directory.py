"""The model directory: CTranslate2's files plus `qal.json`, what we know about the weights.

Plain faster-whisper loads the same directory and ignores qal.json."""

import json
import os
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from qal.errors import ModelError

CARD_FILE = "qal.json"
REQUIRED_FILES = ("model.bin", "config.json", "tokenizer.json")


class ContextAbility(BaseModel, frozen=True):
    """How short an encoder context the weights can bear."""

    adaptive: bool = Field(default=False, description="the weights were trained on contexts shorter than 30 s")
    margin_s: float = Field(default=1.0, ge=0, le=30, description="silence kept after the speech, in seconds")
    min_s: float = Field(default=2.0, ge=0, le=30, description="no context is shorter than this, in seconds")


class MeasuredWer(BaseModel, frozen=True):
    """A word error rate as a share, with its 95 % interval."""

    wer: float
    low: float
    high: float
    corpus: str


class ModelCard(BaseModel, frozen=True):
    """What qal.json says."""

    base_model: str = Field(description="the stock model that the weights began as")
    adapter_sha256: str | None = Field(default=None, description="of the shipped adapter that made these weights")
    languages: list[str] = []
    run: str | None = None
    corpus_version: str | None = None
    data: list[str] = Field(default=[], description="what it was trained on, a sentence a corpus, the base's first")
    measured: MeasuredWer | None = None
    context: ContextAbility = ContextAbility()


STOCK = ModelCard(base_model="unknown")  # weights that say nothing hear 30 s


def read_card(directory: Path) -> ModelCard:
    """The card of a model directory; STOCK where there is none."""
    path = directory / CARD_FILE
    if not path.exists():
        return STOCK
    try:
        return ModelCard.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError, IsADirectoryError) as error:
        raise ModelError(f"{path}: not a valid model card; export the model again") from error


def write_card(directory: Path, card: ModelCard) -> None:
    """Written beside and renamed, so that a model directory never holds half a card."""
    beside = directory / (CARD_FILE + ".new")
    try:
        beside.write_text(json.dumps(card.model_dump(), indent=2) + "\n", encoding="utf-8")
        beside.replace(directory / CARD_FILE)
    finally:
        beside.unlink(missing_ok=True)


def is_model_directory(directory: Path) -> bool:
    return all(os.path.isfile(directory / name) for name in REQUIRED_FILES)
