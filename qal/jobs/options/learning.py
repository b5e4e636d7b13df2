"""Options of how weights learn: which of them, how fast, in how much memory, until when, and which are kept."""

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator


class Options(BaseModel, frozen=True, extra="forbid"):
    """Base of all options: unknown names are refused."""


class TrainedOptions(Options, frozen=True):
    """Which weights learn. The others stay as they are in the base."""

    adapter: Literal["lora", "adalora", "none"] = Field(
        default="lora", description="low-rank updates, the same with ranks found in training, or the weights themselves"
    )
    part: Literal["all", "encoder", "decoder"] = Field(
        default="all", description="half of the model that learns; 'decoder' is a frozen encoder"
    )
    linear: Literal["all", "attention", "feed_forward", "query_value"] = Field(
        default="all",
        description="kinds of linear layers that learn; 'all' without an adapter is every weight, norms and all",
    )
    first_layers: int | None = Field(
        default=None, ge=1, le=64, description="only so many layers of each half, counted from the input; unset: all"
    )
    last_layers: int | None = Field(
        default=None, ge=1, le=64, description="only so many layers of each half, counted from the output; unset: all"
    )
    base_precision: Literal["float32", "bfloat16", "float16", "int8"] = Field(
        default="float32",
        description="of the weights under an adapter while it trains; half of the memory, or a quarter",
    )

    @property
    def everything(self) -> bool:
        """True when no layer and no kind is singled out."""
        return self.linear == "all" and self.first_layers is None and self.last_layers is None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.first_layers and self.last_layers:
            raise ValueError("first_layers and last_layers exclude each other; set one")
        if self.adapter == "none" and self.base_precision != "float32":
            raise ValueError(f"base_precision {self.base_precision} needs an adapter; weights that learn are float32")
        return self


class LoraOptions(Options, frozen=True):
    rank: int = Field(default=32, ge=1, le=256, description="rank of the low-rank update (Hu et al. 2021)")
    alpha: int = Field(default=64, ge=1, le=1024, description="scale of the update: alpha / rank")
    dropout: float = Field(default=0.05, ge=0, le=0.9, description="dropout in front of the update")
    rank_stabilised: bool = Field(
        default=False, description="scale by alpha / sqrt(rank) instead (rsLoRA, Kalajdzievski 2023); for high ranks"
    )
    dora: bool = Field(
        default=False, description="learn each output's magnitude apart from its direction (DoRA, Liu et al. 2024)"
    )


class AdaLoraOptions(Options, frozen=True):
    """AdaLoRA (Zhang et al. 2023): ranks start at start_rank and shrink to lora.rank on average."""

    start_rank: int = Field(default=48, ge=2, le=384, description="rank of every update at first; above lora.rank")
    first_share: float = Field(default=0.1, ge=0, le=0.9, description="share of the steps before ranks shrink")
    last_share: float = Field(default=0.3, ge=0, le=0.9, description="share of the steps after ranks are settled")
    interval_steps: int = Field(default=1, ge=1, le=1000, description="steps between two rounds of pruning")
    orthogonality: float = Field(default=0.5, ge=0, le=10, description="weight of the penalty that keeps A and B apart")

    @model_validator(mode="after")
    def _shrinks(self) -> Self:
        if self.first_share + self.last_share >= 1:
            raise ValueError("first_share and last_share leave no step in which ranks shrink; lower one")
        return self


class OptimizerOptions(Options, frozen=True):
    """AdamW, its schedule, and what regularises."""

    schedule: Literal["one_cycle", "linear", "cosine", "constant"] = Field(
        default="one_cycle", description="how the learning rate goes on after the warm-up"
    )
    weight_decay: float = Field(default=0.01, ge=0, le=1, description="decay of AdamW")
    decayed: Literal["all", "matrices"] = Field(
        default="all",
        description="what decays; 'matrices' spares biases, norms and adapters, as full fine-tuning wants",
    )
    beta1: float | None = Field(
        default=None, ge=0, lt=1, description="of AdamW; unset: 0.9, and one_cycle moves it between 0.85 and 0.95"
    )
    beta2: float = Field(default=0.999, ge=0, lt=1, description="of AdamW")
    accumulate: int = Field(default=1, ge=1, le=256, description="batches whose gradients make one step")
    label_smoothing: float = Field(
        default=0.0, ge=0, le=0.5, description="share of each target that is spread over the vocabulary; finetune only"
    )
    encoder_layer_drop: float = Field(
        default=0.0, ge=0, le=0.5, description="probability that a step skips a layer of the encoder"
    )
    decoder_layer_drop: float = Field(
        default=0.0, ge=0, le=0.5, description="probability that a step skips a layer of the decoder"
    )


class ComputeOptions(Options, frozen=True):
    """Memory and speed; the result stays the same but for the make-up of batches."""

    batch_seconds: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        description="sound a batch, padding included, in seconds: as many utterances as fit; unset: batch_size of them",
    )
    part_seconds: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        description="seconds of sound, contexts included, that are computed at once; a larger batch is computed in "
        "parts with the same update; unset: 60 on a CPU, elsewhere whole batches, halved when memory runs out",
    )
    recompute: bool = Field(
        default=False, description="gradient checkpointing: layers are computed twice, in much less memory"
    )
    compile: bool = Field(
        default=False,
        description="torch.compile for the encoder's layers; needs a C++ compiler; no gain on CPUs (docs/training.md)",
    )


class StoppingOptions(Options, frozen=True):
    """Early stopping by the word error rate of generated text."""

    patience_epochs: int | None = Field(
        default=None, ge=1, le=1000, description="stop after so many epochs without a lower WER; unset: never"
    )
    min_delta: float = Field(default=0.0, ge=0, le=1, description="a WER lower by less than this share is not lower")


class ResultOptions(Options, frozen=True):
    """Which weights become the model, and what stays in the run's folder."""

    keep: Literal["last", "best", "average"] = Field(
        default="last", description="the last epoch's weights, those of the lowest WER, or the mean of the last epochs'"
    )
    averaged_epochs: int = Field(default=3, ge=2, le=50, description="epochs whose weights 'average' takes the mean of")
    transformers: Literal["auto", "always", "never"] = Field(
        default="auto", description="keep the merged model as runs/ID/transformers; auto: where no adapter was trained"
    )

    def keeps_transformers(self, adapter: str) -> bool:
        return self.transformers == "always" or (self.transformers == "auto" and adapter == "none")
