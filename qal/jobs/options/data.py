"""Options of what is learned from: contexts, targets, the order of rows, and the lessons of distillation."""

from typing import Literal, Self

from pydantic import Field, model_validator

from qal.engine.model_directory import ContextAbility
from qal.jobs.options.learning import Options


class ContextOptions(Options, frozen=True):
    """Adaptive context: every batch is heard at its longest utterance plus a random margin."""

    min_margin_s: float = Field(
        default=0.1, ge=0, le=5, description="shortest silence after the longest utterance, in seconds"
    )
    max_margin_s: float = Field(
        default=2.0,
        ge=0,
        le=10,
        description="longest silence after the longest utterance, in seconds; rounded up to 0.5 s of context",
    )
    full_share: float = Field(
        default=0.03, ge=0, le=1, description="share of batches heard at 30 s, so that the old ability stays"
    )

    @property
    def ability(self) -> ContextAbility:
        """What weights trained like this can bear: the usual margin, or the nearest one that they have heard."""
        margin_s = min(max(ContextAbility().margin_s, self.min_margin_s), self.max_margin_s)
        return ContextAbility(adaptive=self.full_share < 1, margin_s=margin_s)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_margin_s < self.min_margin_s:
            raise ValueError(f"max_margin_s {self.max_margin_s} is below min_margin_s {self.min_margin_s}")
        return self


class TargetOptions(Options, frozen=True):
    """What the decoder is taught to write, drawn anew for each row and epoch; all 0: the transcript alone."""

    translate_share: float = Field(
        default=0.0, ge=0, le=1, description="share of the rows with a translation that are taught to translate"
    )
    timestamp_share: float = Field(
        default=0.0, ge=0, le=1, description="share of the rows whose text stands between its start and end times"
    )
    timestamps_of: Literal["speech", "utterance"] = Field(
        default="speech", description="the times of the speech that the VAD finds, or of the whole utterance"
    )
    previous_share: float = Field(
        default=0.0, ge=0, le=1, description="share of the rows that are taught with the speaker's text from before"
    )


class CurriculumOptions(Options, frozen=True):
    """Easy rows first, in the first epochs."""

    by: Literal["none", "duration", "words_per_second", "text_length", "snr"] = Field(
        default="none", description="what makes a row hard; snr: noise, estimated once from each recording"
    )
    epochs: int = Field(default=1, ge=1, le=1000, description="how many epochs begin with the easy rows")


class DistillationOptions(Options, frozen=True):
    """The model at 30 s teaches itself at short contexts, from audio alone."""

    frames_weight: float = Field(
        default=0.5, ge=0, le=10, description="weight of the encoder frames' mean squared error"
    )
    max_tokens: int = Field(
        default=120, ge=8, le=400, description="an utterance whose text is longer is a loop and is left out"
    )
    joined_share: float = Field(
        default=0.3, ge=0, le=1, description="share of lessons made of several utterances, so that long contexts occur"
    )
    altered_share: float = Field(
        default=0.3, ge=0, le=1, description="share of lessons whose sound is altered before it is taught"
    )
    noise_folder: str | None = Field(default=None, description="folder of noises and music, for the next two shares")
    noisy_share: float = Field(default=0.0, ge=0, le=1, description="share of lessons mixed with a sound of the folder")
    silent_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="lessons made of the folder's sounds alone, which teach to write nothing, as a share of the others",
    )
    min_snr_db: float = Field(default=0.0, ge=-20, le=60, description="loudest noise: speech over noise, in dB")
    max_snr_db: float = Field(default=20.0, ge=-20, le=60, description="softest noise: speech over noise, in dB")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max_snr_db < self.min_snr_db:
            raise ValueError(f"max_snr_db {self.max_snr_db} is below min_snr_db {self.min_snr_db}")
        if self.noise_folder is None and (self.noisy_share or self.silent_share):
            raise ValueError("noisy_share and silent_share need a noise_folder")
        return self
