"""All options of a run, as frozen models that check themselves.

The command line, the YAML presets, the page's form and `runs/<id>/config.yaml` are made from these models. yaml_file.py
reads and writes the files."""

import importlib.util
import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from augmentation.options import AugmentationOptions
from qal.corpus.manifest import MANIFEST_FILE
from qal.engine.model_directory import is_model_directory
from qal.errors import OptionError
from qal.jobs.options.data import ContextOptions, CurriculumOptions, DistillationOptions, TargetOptions
from qal.jobs.options.learning import (
    AdaLoraOptions,
    ComputeOptions,
    LoraOptions,
    OptimizerOptions,
    Options,
    ResultOptions,
    StoppingOptions,
    TrainableOptions,
)
from qal.jobs.options.running import CheckpointOptions, FaultOptions, MachineOptions, RetentionOptions
from qal.text.languages import resolve_language

Tracker = Literal["none", "tensorboard", "wandb", "mlflow", "trackio"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
MAX_CORPUS_WEIGHT = 100
TRANSFORMS_WITH_FOLDER = ("background", "reverb")  # fields of AugmentationOptions
HALF_PRECISION: dict[str, Precision] = {  # trained.base_precision -> the precision that the run needs
    "bfloat16": "bf16-mixed",
    "float16": "16-mixed",
}


class TrainingConfig(Options, frozen=True):
    """Options of one training job."""

    method: Literal["finetune", "distill"] = Field(
        default="finetune",
        description="task: finetune learns from transcripts; distill learns short contexts and needs no transcripts",
    )
    base: str = Field(
        default="base-adaptive",
        description="base model to start from: a name of the catalogue, the id of a run or a folder",
    )
    corpus: str | list[str] = Field(
        default=[], description="dataset folder (with its manifest.jsonl), or a list of dataset folders"
    )
    corpus_weights: dict[str, float] = Field(
        default={},
        description="dataset folder -> how often its examples are used in an epoch (1 if not given); "
        "0.5: a different half of them in each epoch",
    )
    language: str | None = Field(
        default=None,
        description="language of the dataset, such as en; for a language that Whisper lacks: a near one "
        "(empty: the language of each example)",
    )
    epochs: int = Field(default=4, ge=1, le=1000, description="number of passes over the training examples")
    batch_size: int = Field(default=16, ge=1, le=256, description="number of examples per batch")
    learning_rate: float = Field(default=5e-4, gt=0, le=1, description="peak learning rate of AdamW")
    warmup_share: float = Field(
        default=0.1, ge=0, le=1, description="warm-up: share of the steps in which the learning rate rises"
    )
    gradient_clip: float = Field(default=1.0, ge=0, le=100, description="maximum gradient norm; 0: off")
    precision: Literal["auto"] | Precision = Field(
        default="auto", description="precision of the training; auto: bfloat16 if the device computes it fast"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="device to train on; auto: CUDA, otherwise Apple's MPS, otherwise the CPU"
    )
    tracker: Tracker = Field(
        default="tensorboard", description="also log metrics to this tracker; all but tensorboard need pip install"
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="seed of all random numbers")
    max_utterance_s: float = Field(
        default=20.0, gt=0, le=29, description="leave out examples longer than this, in seconds"
    )
    min_utterance_s: float = Field(
        default=0.4, ge=0, le=29, description="leave out examples shorter than this, in seconds"
    )
    max_utterances: int | None = Field(
        default=None, ge=1, description="maximum number of training examples (empty: all)"
    )
    validation_utterances: int = Field(
        default=48, ge=1, le=10_000, description="number of validation examples transcribed after each epoch"
    )
    check_utterances: int = Field(
        default=100, ge=1, le=10_000, description="number of held-out examples of the conversion check"
    )
    report_utterances: int = Field(
        default=500, ge=1, le=100_000, description="number of test examples of the report, from all datasets evenly"
    )
    find_learning_rate: bool = Field(
        default=False,
        description="learning-rate finder: do not train, but write learning_rate.json (a loss curve and a suggested "
        "rate) and print the suggestion",
    )
    cache_mb: int = Field(
        default=512, ge=0, le=1_000_000, description="memory for decoded audio and features, in MB; 0: off"
    )
    trained: TrainableOptions = TrainableOptions()
    lora: LoraOptions = LoraOptions()
    adalora: AdaLoraOptions = AdaLoraOptions()
    optimizer: OptimizerOptions = OptimizerOptions()
    compute: ComputeOptions = ComputeOptions()
    stopping: StoppingOptions = StoppingOptions()
    result: ResultOptions = ResultOptions()
    context: ContextOptions = ContextOptions()
    augmentation: AugmentationOptions = AugmentationOptions()
    targets: TargetOptions = TargetOptions()
    curriculum: CurriculumOptions = CurriculumOptions()
    distillation: DistillationOptions = DistillationOptions()
    retention: RetentionOptions = RetentionOptions()
    checkpoints: CheckpointOptions = CheckpointOptions()
    faults: FaultOptions = FaultOptions()
    machine: MachineOptions = MachineOptions()

    @field_validator("language")
    @classmethod
    def _resolve_language(cls, language: str | None) -> str | None:
        """Converts names and other codes to Whisper's code. Others are refused when the base model is known."""
        return language and (resolve_language(language) or language)

    @model_validator(mode="after")
    def _check_durations(self) -> Self:
        if self.min_utterance_s > self.max_utterance_s:
            raise ValueError(f"min_utterance_s {self.min_utterance_s} is above max_utterance_s {self.max_utterance_s}")
        return self

    @model_validator(mode="after")
    def _check_base_precision(self) -> Self:
        needed = HALF_PRECISION.get(self.trained.base_precision)
        if needed and self.precision not in ("auto", needed):
            raise ValueError(
                f"trained.base_precision {self.trained.base_precision} needs precision {needed}, not {self.precision}"
            )
        return self

    @model_validator(mode="after")
    def _check_adalora(self) -> Self:
        if self.trained.adapter != "adalora":
            return self
        if self.lora.dora or self.lora.rank_stabilised:
            raise ValueError("trained.adapter adalora excludes lora.dora and lora.rank_stabilised; switch them off")
        if self.adalora.start_rank <= self.lora.rank:
            raise ValueError(
                f"adalora.start_rank {self.adalora.start_rank} is not above lora.rank {self.lora.rank}; raise it"
            )
        return self

    @model_validator(mode="after")
    def _check_corpus_weights(self) -> Self:
        for folder, weight in self.corpus_weights.items():
            if corpus_folder(folder) not in self.corpus_folders:
                raise ValueError(f"corpus_weights names {folder}, which is not one of the datasets")
            if not 0 < weight <= MAX_CORPUS_WEIGHT:
                raise ValueError(f"the weight {weight} of {folder} must be above 0 and at most {MAX_CORPUS_WEIGHT}")
        return self

    @model_validator(mode="after")
    def _check_method(self) -> Self:
        if self.method == "distill" and any(self.targets.model_dump(exclude={"timestamps_of"}).values()):
            raise ValueError("targets are for method finetune; leave them out for distill")
        if self.method == "distill" and self.curriculum.by == "snr":
            raise ValueError("curriculum.by snr is for method finetune; choose another measure for distill")
        return self

    @model_validator(mode="after")
    def _check_batch_seconds(self) -> Self:
        """The schedule needs the number of batches; by seconds it is known only for whole, unsorted datasets."""
        if self.compute.batch_seconds is None:
            return self
        if self.curriculum.by != "none" or any(w % 1 for w in self.corpus_weights.values()):
            raise ValueError(
                "compute.batch_seconds needs curriculum.by none and corpus_weights that are whole numbers; "
                "leave it empty, and set batch_size"
            )
        return self

    @property
    def disk_space_factor(self) -> int:
        """Disk space of a run (merged and converted models, checkpoints), in sizes of its base's float16 model.bin."""
        if self.trained.adapter != "none":
            return 5  # an adapter of each epoch, too, is small
        last = 2 * (2 + 4)  # two checkpoints of float32 weights and AdamW's two moments, while one replaces the other
        epochs = {"last": 0, "best": 2, "average": 1 + self.result.averaged_epochs}[self.result.keep]
        if self.checkpoints.keep_epochs:
            epochs = self.epochs + (1 if self.result.keep == "best" else 0)
        return 5 + last + 2 * epochs

    def corpus_weight(self, corpus: Path) -> float:
        """Returns how often each example of a corpus is used in an epoch."""
        return {corpus_folder(folder): weight for folder, weight in self.corpus_weights.items()}.get(corpus, 1.0)

    def with_absolute_paths(self) -> Self:
        """Returns a copy with absolute paths, so that the run can be resumed in any working directory."""
        values: dict[str, Any] = self.model_dump()
        values["corpus"] = [absolute_path(folder) for folder in map(str, self.corpus_folders)]
        values["corpus_weights"] = {absolute_path(str(corpus_folder(f))): w for f, w in self.corpus_weights.items()}
        base = Path(self.base).expanduser()
        if is_model_directory(base) or is_model_directory(base / "model"):
            values["base"] = absolute_path(self.base)
        values["retention"]["corpora"] = [absolute_path(folder) for folder in self.retention.corpora]
        if self.distillation.noise_folder:
            values["distillation"]["noise_folder"] = absolute_path(self.distillation.noise_folder)
        for transform in TRANSFORMS_WITH_FOLDER:
            options = values["augmentation"][transform]
            options["folder"] = options["folder"] and absolute_path(options["folder"])
        return type(self).model_validate(values)

    @property
    def audio_folders(self) -> list[str]:
        """The folders of noise and impulse responses that the run reads."""
        o = self.distillation
        is_used = self.method == "distill" and o.noise_folder and (o.noisy_share or o.silent_share)
        return [*self.augmentation.folders, *([o.noise_folder] if is_used and o.noise_folder else [])]

    @property
    def corpus_folders(self) -> list[Path]:
        return [corpus_folder(c) for c in ([self.corpus] if isinstance(self.corpus, str) else self.corpus)]


def absolute_path(path: str) -> str:
    """Returns the absolute path, with ~ expanded and symbolic links kept."""
    return os.path.abspath(os.path.expanduser(path))


def corpus_folder(path: str) -> Path:
    """Returns the folder of a corpus, which may be given by its folder or its manifest."""
    return Path(path).parent if Path(path).name == MANIFEST_FILE else Path(path)


def method_name(config: TrainingConfig) -> str:
    """Names the trained weights, for example "LoRA of rank 32" or "all weights of the encoder"."""
    part = config.trained.part
    if config.trained.adapter == "none":
        return "all weights" if part == "all" else f"all weights of the {part}"
    where = "" if part == "all" else f" in the {part}"
    return f"{_adapter_name(config)} of rank {config.lora.rank}{where}"


def _adapter_name(config: TrainingConfig) -> str:
    if config.trained.adapter == "adalora":
        return "AdaLoRA"
    if config.lora.dora:
        return "DoRA"
    return "rsLoRA" if config.lora.rank_stabilised else "LoRA"


def require_tracker(tracker: Tracker) -> None:
    """Raises OptionError if the package of the tracker is not installed."""
    if tracker != "none" and importlib.util.find_spec(tracker) is None:
        raise OptionError(f"the tracker '{tracker}' is not installed; run pip install {tracker}, or use --tracker none")
