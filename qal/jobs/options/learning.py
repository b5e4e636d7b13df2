"""Options of the optimisation: trainable weights, adapters, optimiser, memory, early stopping and the kept weights."""

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

CPU_MICRO_BATCH_S = 60  # default of part_seconds on a CPU, in seconds of context over all examples


class Options(BaseModel, frozen=True, extra="forbid"):
    """Base class of all options; unknown names are an error."""


class TrainableOptions(Options, frozen=True):
    """Trainable weights; all other weights are frozen."""

    adapter: Literal["lora", "adalora", "none"] = Field(
        default="lora",
        description="lora: low-rank adapters; adalora: adapters whose ranks are adapted during training; "
        "none: train the weights themselves",
    )
    part: Literal["all", "encoder", "decoder"] = Field(
        default="all", description="part of the model to train; decoder: the encoder is frozen"
    )
    linear: Literal["all", "attention", "feed_forward", "query_value"] = Field(
        default="all",
        description="linear layers to train; all, without an adapter: every weight, including norms and biases",
    )
    first_layers: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="train only the first N layers of the encoder and of the decoder (empty: all)",
    )
    last_layers: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="train only the last N layers of the encoder and of the decoder (empty: all)",
    )
    base_precision: Literal["float32", "bfloat16", "float16", "int8"] = Field(
        default="float32",
        description="precision of the frozen weights below an adapter; 16 bits need half of the memory, 8 a quarter",
    )

    @property
    def all_layers(self) -> bool:
        """True if the trainable weights are not limited to some layers or kinds of linear layers."""
        return self.linear == "all" and self.first_layers is None and self.last_layers is None

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.first_layers and self.last_layers:
            raise ValueError("first_layers and last_layers exclude each other; set one")
        if self.adapter == "none" and self.base_precision != "float32":
            raise ValueError(f"base_precision {self.base_precision} needs an adapter; trainable weights are float32")
        return self


class LoraOptions(Options, frozen=True):
    """Low-rank adapters (Hu et al. 2021)."""

    rank: int = Field(default=32, ge=1, le=256, description="rank of the low-rank update (Hu et al. 2021)")
    alpha: int = Field(default=64, ge=1, le=1024, description="scaling: the update is multiplied by alpha / rank")
    dropout: float = Field(default=0.05, ge=0, le=0.9, description="dropout before the update")
    rank_stabilised: bool = Field(
        default=False,
        description="multiply the update by alpha / sqrt(rank) (rsLoRA, Kalajdzievski 2023); for high ranks",
    )
    dora: bool = Field(
        default=False, description="train magnitude and direction of the weights separately (DoRA, Liu et al. 2024)"
    )


class AdaLoraOptions(Options, frozen=True):
    """AdaLoRA (Zhang et al. 2023): ranks start at start_rank and are reduced to lora.rank on average."""

    start_rank: int = Field(default=48, ge=2, le=384, description="initial rank of each update; above lora.rank")
    first_share: float = Field(default=0.1, ge=0, le=0.9, description="share of the steps before ranks are reduced")
    last_share: float = Field(default=0.3, ge=0, le=0.9, description="share of the steps after ranks are fixed")
    interval_steps: int = Field(default=1, ge=1, le=1000, description="steps between two reductions")
    orthogonality: float = Field(
        default=0.5, ge=0, le=10, description="weight of the penalty on matrices A and B that are not orthogonal"
    )

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        if self.first_share + self.last_share >= 1:
            raise ValueError("first_share and last_share leave no step in which ranks are reduced; lower one")
        return self


class OptimizerOptions(Options, frozen=True):
    """AdamW, learning-rate schedule and regularisation."""

    schedule: Literal["one_cycle", "linear", "cosine", "constant"] = Field(
        default="one_cycle", description="learning-rate schedule after the warm-up"
    )
    weight_decay: float = Field(default=0.01, ge=0, le=1, description="weight decay of AdamW")
    decayed: Literal["all", "matrices"] = Field(
        default="all",
        description="weight decay applies to all trainable weights, or to weight matrices only: not to biases, norms "
        "and adapters, as is usual in full fine-tuning",
    )
    beta1: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="beta1 of AdamW (empty: 0.9, which one_cycle varies between 0.85 and 0.95)",
    )
    beta2: float = Field(default=0.999, ge=0, lt=1, description="beta2 of AdamW")
    accumulate: int = Field(
        default=1, ge=1, le=256, description="gradient accumulation: number of batches per optimizer step"
    )
    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="share of each target's probability that is spread over the vocabulary; finetune only",
    )
    encoder_layer_drop: float = Field(
        default=0.0, ge=0, le=0.5, description="probability that a step skips an encoder layer"
    )
    decoder_layer_drop: float = Field(
        default=0.0, ge=0, le=0.5, description="probability that a step skips a decoder layer"
    )


class ComputeOptions(Options, frozen=True):
    """Memory and speed; except for the composition of batches, the result does not depend on them."""

    batch_seconds: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        description="batch size in seconds of audio, padding included: as many examples as fit "
        "(empty: batch_size examples)",
    )
    part_seconds: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        description="micro-batch size in seconds of audio, context included; a larger batch is computed in several "
        f"micro-batches, with the same update (empty: {CPU_MICRO_BATCH_S} on a CPU; on other devices the whole batch, "
        "halved if memory runs out)",
    )
    recompute: bool = Field(
        default=False,
        description="gradient checkpointing: compute layers twice, which needs much less memory and more time",
    )
    compile: bool = Field(
        default=False,
        description="torch.compile for the encoder layers; needs a C++ compiler; not faster on CPUs (docs/training.md)",
    )


class StoppingOptions(Options, frozen=True):
    """Early stopping by the error rate of the validation: WER, or CER in languages without spaces."""

    patience_epochs: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="stop after N epochs without a lower validation error rate (empty: never)",
    )
    min_delta: float = Field(
        default=0.0, ge=0, le=1, description="smallest decrease of the error rate that counts as lower, as a share"
    )


class ResultOptions(Options, frozen=True):
    """Weights that become the model, and models that stay in the run's folder."""

    keep: Literal["last", "best", "average"] = Field(
        default="last",
        description="checkpoint to keep: the last epoch, the epoch with the lowest error rate, or the average of the "
        "last epochs",
    )
    averaged_epochs: int = Field(default=3, ge=2, le=50, description="number of last epochs for keep: average")
    transformers: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="also keep the merged model in Transformers format, as runs/ID/transformers; auto: if the weights "
        "were trained without an adapter",
    )
    gate: Literal["warn", "stop", "off"] = Field(
        default="warn",
        description="check the finished model (word times, languages, timestamps, prompts, long recordings, silence) "
        "and look for better alignment heads. warn: a model that fails is exported, and the report names the failed "
        "checks; stop: it is not exported; off: saves some time, but no check warns of a damaged model, and word times "
        "may drift",
    )
    suite: str | None = Field(
        default=None,
        description="regression suite, a YAML file: the finished model is checked with it, and the results are in "
        "runs/ID/suite.json (empty: none)",
    )

    def keeps_transformers(self, adapter: str) -> bool:
        """True if the model in Transformers format stays in the run's folder."""
        return self.transformers == "always" or (self.transformers == "auto" and adapter == "none")
