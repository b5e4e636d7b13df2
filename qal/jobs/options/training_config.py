"""Everything a run is made from, as frozen models that check themselves.

The command line, the YAML presets, the page's form and `runs/<id>/config.yaml` all come from here; the files are read
and written by qal/jobs/options/yaml_file.py."""

import importlib.util
import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from augmentation.options import AugmentationOptions
from qal.corpus.manifest import MANIFEST
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
    TrainedOptions,
)
from qal.jobs.options.running import CheckpointOptions, FaultOptions, MachineOptions, RetentionOptions

Tracker = Literal["none", "tensorboard", "wandb", "mlflow", "trackio"]
MAX_CORPUS_WEIGHT = 100
FOLDERS = ("background", "reverb")  # switches of the augmentation that may have one
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
HALF_PRECISION: dict[str, Precision] = {"bfloat16": "bf16-mixed", "float16": "16-mixed"}  # of a base -> of its run


class TrainingConfig(Options, frozen=True):
    """One training job."""

    method: Literal["finetune", "distill"] = Field(
        default="finetune", description="learn transcripts, or short contexts from audio alone"
    )
    base: str = Field(
        default="base-adaptive", description="model to start from: a catalogue name, a run's id or a directory"
    )
    corpus: str | list[str] = Field(
        default=[], description="folder of a corpus (with its manifest.jsonl), or a list of them"
    )
    corpus_weights: dict[str, float] = Field(
        default={},
        description="folder of a corpus -> how often each of its rows comes in an epoch (1 where unset); "
        "0.5: half of them, others in each epoch",
    )
    language: str | None = Field(default=None, description="language of the corpus; unset: what each row says")
    epochs: int = Field(default=4, ge=1, le=1000, description="passes over the training rows")
    batch_size: int = Field(default=16, ge=1, le=256, description="utterances a step")
    learning_rate: float = Field(default=5e-4, gt=0, le=1, description="peak learning rate of AdamW")
    warmup_share: float = Field(
        default=0.1, ge=0, le=1, description="share of the steps in which the learning rate rises"
    )
    gradient_clip: float = Field(default=1.0, ge=0, le=100, description="largest norm of the gradient; 0 is off")
    precision: Literal["auto"] | Precision = Field(
        default="auto", description="auto: bfloat16 where the device is fast at it"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="where to train; auto: CUDA, else Apple's MPS, else the CPU"
    )
    tracker: Tracker = Field(
        default="tensorboard",
        description="who is told the metrics, besides the run folder; all but tensorboard need pip install",
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="every random draw comes from it")
    max_utterance_s: float = Field(default=20.0, gt=0, le=29, description="longer rows are left out")
    min_utterance_s: float = Field(default=0.4, ge=0, le=29, description="shorter rows are left out")
    max_utterances: int | None = Field(default=None, ge=1, description="at most so many training rows; unset: all")
    validation_utterances: int = Field(
        default=48, ge=1, le=10_000, description="validation rows transcribed after each epoch"
    )
    check_utterances: int = Field(default=100, ge=1, le=10_000, description="held-out rows of the conversion check")
    report_utterances: int = Field(
        default=500, ge=1, le=100_000, description="test rows of the report, spread evenly over the corpora"
    )
    find_learning_rate: bool = Field(
        default=False, description="do not train: write learning_rate.json, a curve and a suggestion, and print it"
    )
    cache_mb: int = Field(
        default=512, ge=0, le=1_000_000, description="memory for decoded sound and features, in MB; 0 is off"
    )
    trained: TrainedOptions = TrainedOptions()
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

    @model_validator(mode="after")
    def _lengths_ordered(self) -> Self:
        if self.min_utterance_s > self.max_utterance_s:
            raise ValueError(f"min_utterance_s {self.min_utterance_s} is above max_utterance_s {self.max_utterance_s}")
        return self

    @model_validator(mode="after")
    def _base_in_half(self) -> Self:
        wanted = HALF_PRECISION.get(self.trained.base_precision)
        if wanted and self.precision not in ("auto", wanted):
            raise ValueError(
                f"trained.base_precision {self.trained.base_precision} needs precision {wanted}, not {self.precision}"
            )
        return self

    @model_validator(mode="after")
    def _adalora_fits(self) -> Self:
        if self.trained.adapter != "adalora":
            return self
        if self.lora.dora or self.lora.rank_stabilised:
            raise ValueError(
                "lora.dora and lora.rank_stabilised do not go with trained.adapter adalora; leave them out"
            )
        if self.adalora.start_rank <= self.lora.rank:
            raise ValueError(
                f"adalora.start_rank {self.adalora.start_rank} is not above lora.rank {self.lora.rank}; raise it"
            )
        return self

    @property
    def run_size(self) -> int:
        """Disk that a run needs, in times the base's model.bin of float16: merged, converted, checkpoints."""
        if self.trained.adapter != "none":
            return 5
        last = 2 * (2 + 4)  # weights and AdamW's two moments in float32; a new one is written beside the old
        epochs = {"last": 0, "best": 2, "average": 1 + self.result.averaged_epochs}[self.result.keep]
        return 5 + last + 2 * epochs

    @model_validator(mode="after")
    def _weighed(self) -> Self:
        for folder, weight in self.corpus_weights.items():
            if corpus_folder(folder) not in self.corpus_folders:
                raise ValueError(f"corpus_weights names {folder}, which is none of the corpora")
            if not 0 < weight <= MAX_CORPUS_WEIGHT:
                raise ValueError(f"the weight {weight} of {folder} is not above 0 and at most {MAX_CORPUS_WEIGHT}")
        return self

    @model_validator(mode="after")
    def _taught(self) -> Self:
        if self.method == "distill" and any(self.targets.model_dump(exclude={"timestamps_of"}).values()):
            raise ValueError("targets are for method finetune: distillation teaches the teacher's text; leave them out")
        if self.method == "distill" and self.curriculum.by == "snr":
            raise ValueError("curriculum.by snr is for method finetune: a lesson is made of several recordings")
        return self

    @model_validator(mode="after")
    def _batches_known(self) -> Self:
        """The schedule counts batches before it starts; by seconds they can be counted only of whole, unsorted rows."""
        if self.compute.batch_seconds is None:
            return self
        if self.curriculum.by != "none" or any(w % 1 for w in self.corpus_weights.values()):
            raise ValueError(
                "compute.batch_seconds goes with no curriculum and with whole corpus_weights only; "
                "leave it out, and set batch_size"
            )
        return self

    def weight_of(self, corpus: Path) -> float:
        """How often each row of the corpus comes in an epoch."""
        return {corpus_folder(folder): weight for folder, weight in self.corpus_weights.items()}.get(corpus, 1.0)

    def with_whole_paths(self) -> Self:
        """The same with absolute paths, so that a run goes on from whatever folder it is resumed in."""
        o, base = self.model_dump(), Path(self.base).expanduser()
        is_directory = is_model_directory(base) or is_model_directory(base / "model")
        o["corpus"] = [absolute(folder) for folder in map(str, self.corpus_folders)]
        o["corpus_weights"] = {absolute(str(corpus_folder(f))): w for f, w in self.corpus_weights.items()}
        o["base"] = absolute(self.base) if is_directory else self.base
        o["retention"]["corpora"] = [absolute(folder) for folder in self.retention.corpora]
        for group, name in ((o["distillation"], "noise_folder"), *((o["augmentation"][s], "folder") for s in FOLDERS)):
            group[name] = group[name] and absolute(group[name])
        return type(self).model_validate(o)

    @property
    def sound_folders(self) -> list[str]:
        """Of noises and rooms that the run will read."""
        o = self.distillation
        used = self.method == "distill" and o.noise_folder and (o.noisy_share or o.silent_share)
        return [*self.augmentation.folders, *([o.noise_folder] if used and o.noise_folder else [])]

    @property
    def corpus_folders(self) -> list[Path]:
        return [corpus_folder(c) for c in ([self.corpus] if isinstance(self.corpus, str) else self.corpus)]


def absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def corpus_folder(path: str) -> Path:
    """Of a corpus that was given by its folder or by its manifest."""
    return Path(path).parent if Path(path).name == MANIFEST else Path(path)


def method_name(config: TrainingConfig) -> str:
    """What learns, in the field's words: 'LoRA of rank 32', 'all weights'."""
    if config.trained.adapter == "none":
        return "all weights" if config.trained.part == "all" else f"all weights of the {config.trained.part}"
    kind = {"adalora": "AdaLoRA"}.get(config.trained.adapter)
    kind = kind or ("DoRA" if config.lora.dora else "rsLoRA" if config.lora.rank_stabilised else "LoRA")
    half = "" if config.trained.part == "all" else f" in the {config.trained.part}"
    return f"{kind} of rank {config.lora.rank}{half}"


def require_tracker(tracker: Tracker) -> None:
    """Raises OptionError where the package of that name is missing."""
    if tracker != "none" and importlib.util.find_spec(tracker) is None:
        raise OptionError(f"the tracker '{tracker}' needs its package; pip install {tracker}, or give --tracker none")
