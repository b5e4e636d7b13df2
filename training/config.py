"""Everything a run is made from, as frozen models that check themselves.

The command line, the YAML presets, the page's form and `runs/<id>/config.yaml` all come from here."""

import importlib.util
import os
import re
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from augmentation.options import AugmentationOptions
from corpus.manifest import MANIFEST
from errors import OptionError
from training.data_options import ContextOptions, CurriculumOptions, DistillationOptions, TargetOptions
from training.options import (
    AdaLoraOptions,
    ComputeOptions,
    LoraOptions,
    OptimizerOptions,
    Options,
    ResultOptions,
    StoppingOptions,
    TrainedOptions,
)
from training.run_options import CheckpointOptions, FaultOptions, MachineOptions, RetentionOptions

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
        o = self.model_dump()
        o["corpus"] = [absolute(folder) for folder in map(str, self.corpus_folders)]
        o["corpus_weights"] = {absolute(str(corpus_folder(f))): w for f, w in self.corpus_weights.items()}
        o["base"] = absolute(self.base) if os.path.isdir(os.path.expanduser(self.base)) else self.base
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


class PlainSettings(yaml.constructor.SafeConstructor):
    """YAML in which no, yes, on and off are words (as in YAML 1.2: Norwegian is 'no') and a name stands once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        names = [key.value for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(
                    problem=f"'{name}' is there twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)


class SettingsLoader(PlainSettings, yaml.SafeLoader):
    """Says best what is wrong with a file."""


class FastLoader(PlainSettings, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # pyright: ignore[reportGeneralTypeIssues]
    """libyaml's, where it is there: several times as fast, which counts where a page lists many runs."""


BOOL = "tag:yaml.org,2002:bool"
for loader in (SettingsLoader, FastLoader):
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != BOOL]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    loader.add_implicit_resolver(BOOL, re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))


def load_config(path: Path) -> TrainingConfig:
    """A YAML file -> options. Raises OptionError that names the file and the field."""
    return check_config(read_settings(path), str(path))


def read_settings(path: Path) -> dict[str, Any]:
    """What a YAML file says, not yet checked. Raises OptionError that names the file."""
    try:
        return parse_settings(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as error:
        raise OptionError(f"{path}: there is no such file; the presets are in configs/") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"{path}: not valid YAML; compare it with a file of configs/") from error


def parse_settings(text: str, source: str) -> dict[str, Any]:
    """YAML -> what it says, not yet checked. Raises OptionError that names the source."""
    try:
        values = _parsed(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}, " if error.problem_mark else ""
        raise OptionError(f"{source}: {line}{error.problem}; compare it with a file of configs/") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise OptionError(f"{source}: not valid YAML; compare it with a file of configs/") from error
    if not isinstance(values, dict):
        raise OptionError(f"{source}: must hold `name: value` lines; compare it with a file of configs/")
    return values


def _parsed(text: str) -> Any:
    try:
        return yaml.load(text, FastLoader)
    except yaml.YAMLError:
        return yaml.load(text, SettingsLoader)


def check_config(values: dict, source: str) -> TrainingConfig:
    try:
        return TrainingConfig.model_validate(values)
    except ValidationError as error:
        raise OptionError(f"{source}: {'; '.join(explain(error))}") from error


def explain(error: ValidationError) -> list[str]:
    """One clause a wrong field, such as `lora.rank: Input should be greater than 0 (got -1)`."""
    return [
        f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg'].removeprefix('Value error, ')} (got {e['input']!r})"
        for e in error.errors()
    ]


def as_yaml(config: TrainingConfig) -> str:
    """Complete and resolved, as load_config reads it."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def save_config(config: TrainingConfig, path: Path) -> None:
    """Written beside, made sure of and renamed: half of it would read as other settings."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(as_yaml(config))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
