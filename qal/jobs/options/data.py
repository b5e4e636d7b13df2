"""Options of the training data: context length, targets, order of the examples, and distillation."""

from typing import Literal, Self

from pydantic import Field, model_validator

from qal.engine.model_directory import ContextAbility
from qal.jobs.options.learning import Options


class ContextOptions(Options, frozen=True):
    """Adaptive context: the context of a batch is its longest example plus a random margin."""

    min_margin_s: float = Field(
        default=0.1, ge=0, le=5, description="minimum silence after the longest example of a batch, in seconds"
    )
    max_margin_s: float = Field(
        default=2.0,
        ge=0,
        le=10,
        description="maximum silence after the longest example of a batch, in seconds; rounded up to 0.5 s of context",
    )
    full_share: float = Field(
        default=0.03,
        ge=0,
        le=1,
        description="share of batches with a context of 30 s, so that the model keeps its accuracy there",
    )

    @property
    def ability(self) -> ContextAbility:
        """The contexts that weights trained with these options support.

        The margin is the default margin of the engine, limited to the range of the training."""
        margin_s = min(max(ContextAbility().margin_s, self.min_margin_s), self.max_margin_s)
        return ContextAbility(adaptive=self.full_share < 1, margin_s=margin_s)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.max_margin_s < self.min_margin_s:
            raise ValueError(f"max_margin_s {self.max_margin_s} is below min_margin_s {self.min_margin_s}")
        return self


class TargetOptions(Options, frozen=True):
    """Decoder targets, drawn for each example and epoch; with shares of 0 the target is the transcript."""

    translate_share: float = Field(
        default=0.0, ge=0, le=1, description="share of the examples with a translation that are trained to translate"
    )
    timestamp_share: float = Field(
        default=0.0, ge=0, le=1, description="share of the examples with a start and an end timestamp"
    )
    timestamps_of: Literal["speech", "utterance"] = Field(
        default="speech", description="timestamps of the speech that the VAD finds, or of the whole audio"
    )
    previous_share: float = Field(
        default=0.0, ge=0, le=1, description="share of the examples with the speaker's previous text as a prompt"
    )
    lower_case: bool = Field(
        default=False, description="train on the texts in small letters, for datasets that are written in capitals"
    )


class CurriculumOptions(Options, frozen=True):
    """Curriculum: the first epochs start with the easy examples."""

    by: Literal["none", "duration", "words_per_second", "text_length", "snr"] = Field(
        default="none",
        description="measure of difficulty; snr: signal-to-noise ratio, estimated once for each recording",
    )
    epochs: int = Field(default=1, ge=1, le=1000, description="number of epochs that start with the easy examples")


class DistillationOptions(Options, frozen=True):
    """Distillation: the model at short contexts learns from its own output at 30 s, without transcripts."""

    frames_weight: float = Field(
        default=0.5, ge=0, le=10, description="weight of the mean squared error of the encoder frames"
    )
    max_tokens: int = Field(
        default=120, ge=8, le=400, description="leave out examples with more tokens, which are repetition loops"
    )
    joined_share: float = Field(
        default=0.3, ge=0, le=1, description="share of concatenated examples, for training on long contexts"
    )
    altered_share: float = Field(default=0.3, ge=0, le=1, description="share of training examples that are augmented")
    noise_folder: str | None = Field(
        default=None, description="folder of noise and music recordings for noisy_share and silent_share"
    )
    noisy_share: float = Field(
        default=0.0, ge=0, le=1, description="share of examples mixed with a recording of the noise folder"
    )
    silent_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="number of noise-only examples with an empty target, as a share of the other examples",
    )
    min_snr_db: float = Field(default=0.0, ge=-20, le=60, description="minimum signal-to-noise ratio, in dB")
    max_snr_db: float = Field(default=20.0, ge=-20, le=60, description="maximum signal-to-noise ratio, in dB")

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.max_snr_db < self.min_snr_db:
            raise ValueError(f"max_snr_db {self.max_snr_db} is below min_snr_db {self.min_snr_db}")
        if self.noise_folder is None and (self.noisy_share or self.silent_share):
            raise ValueError("noisy_share and silent_share need a noise_folder")
        return self
