"""The model directory: CTranslate2's files and `qal.json`, the metadata of the weights.

Plain faster-whisper loads the same directory and ignores qal.json."""

import os
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from qal.errors import ModelError
from qal.json_text import json_text
from qal.text.error_measure import ErrorRate, Measure, score_basis
from qal.text.normalisation.registry import OLDEST

METADATA_FILE = "qal.json"
REQUIRED_FILES = ("model.bin", "config.json", "tokenizer.json")


class ContextAbility(BaseModel, frozen=True):
    """The shortest encoder context that the weights support."""

    adaptive: bool = Field(default=False, description="the weights were trained on contexts shorter than 30 s")
    margin_s: float = Field(default=1.0, ge=0, le=30, description="silence after the speech, in seconds")
    min_s: float = Field(default=2.0, ge=0, le=30, description="shortest context, in seconds")


class MeasuredScore(BaseModel, frozen=True):
    """Error rates with their 95 % intervals, as shares, and what they rest on.

    Fields with a default may be missing: the figures of early runs have few of them."""

    wer: float
    low: float | None = None  # of the WER
    high: float | None = None
    cer: float | None = None
    cer_low: float | None = None
    cer_high: float | None = None
    measure: Measure = Field(default="WER", description="the error rate that decides")
    corpus: str
    split: str = "test"
    utterances: int | None = None
    words: int | None = None
    normaliser: str = OLDEST.id
    source: str = Field(default="", description="where the figures come from; empty: the report of the run")

    @property
    def error_rate(self) -> ErrorRate:
        """The error rate that decides."""
        if self.measure == "CER" and self.cer is not None:
            return ErrorRate("CER", self.cer, self.cer_low, self.cer_high)
        return ErrorRate("WER", self.wer, self.low, self.high)

    @property
    def basis(self) -> str:
        """The split, the number of examples and the normaliser of the error rates."""
        return score_basis(self.split, self.utterances, self.words, self.normaliser)


class ModelMetadata(BaseModel, frozen=True):
    """Contents of qal.json."""

    base_model: str = Field(description="stock model that the training started from")
    adapter_sha256: str | None = Field(default=None, description="sha256 of the shipped adapter of these weights")
    languages: list[str] = []
    run: str | None = None
    corpus_version: str | None = None
    data: list[str] = Field(default=[], description="training data, one sentence per dataset, those of the base first")
    measured: MeasuredScore | None = None
    context: ContextAbility = ContextAbility()
    alignment_heads: list[tuple[int, int]] = Field(
        default=[], description="layers and heads of the decoder that follow the audio; empty: those of the base model"
    )


NO_METADATA = ModelMetadata(base_model="unknown")  # of a directory without qal.json; its context is 30 s


def read_metadata(directory: Path) -> ModelMetadata:
    """Reads qal.json; returns NO_METADATA if there is none. Raises ModelError if it is invalid."""
    path = directory / METADATA_FILE
    if not path.exists():
        return NO_METADATA
    try:
        return ModelMetadata.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError, IsADirectoryError) as error:
        raise ModelError(f"{path}: not valid model metadata; download or export the model again") from error


def write_metadata(directory: Path, metadata: ModelMetadata) -> None:
    """Writes qal.json under a temporary name and renames it, so that the file is never incomplete."""
    temporary = directory / (METADATA_FILE + ".new")
    try:
        temporary.write_text(json_text(metadata.model_dump(), indent=2) + "\n", encoding="utf-8")
        temporary.replace(directory / METADATA_FILE)
    finally:
        temporary.unlink(missing_ok=True)


def is_model_directory(directory: Path) -> bool:
    """True if the directory has all files that an engine needs."""
    return all(os.path.isfile(directory / name) for name in REQUIRED_FILES)
