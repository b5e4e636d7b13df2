"""Options for the transcription of files."""

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from qal.audio.gate import GateOptions
from qal.engine.decoding import GREEDY, MAX_TEXT_TOKENS
from qal.engine.languages import LANGUAGES_HELP
from qal.engine.screening import ScreeningOptions

Strategy = Literal["packed", "overlap", "sequential"]
LanguageMode = Literal["held", "file", "stretch"]
STRATEGY_HELP = (
    "packed: speech without pauses, in batches; overlap: windows of 30 s that overlap by 5 s; "
    "sequential: windows of 30 s one after the other, with the text before as prompt"
)
LANGUAGE_MODE_HELP = (
    "held: the language of the file, and another one where the sound contradicts it; file: detected once; "
    "stretch: detected for each stretch of speech"
)

ADAPTIVE_TARGET_S = 8.0  # longer stretches are slower (attention) and not more accurate
FULL_TARGET_S = 28.0  # without adaptive context every utterance costs 30 s
LONGFORM_DECODING = GREEDY.model_copy(update={"max_tokens": MAX_TEXT_TOKENS, "seed": 0})


class LongformOptions(BaseModel, frozen=True, extra="forbid"):
    """Options for the transcription of files."""

    strategy: Strategy = Field(default="packed", description=STRATEGY_HELP)
    language_mode: LanguageMode = Field(default="held", description=LANGUAGE_MODE_HELP)
    target_s: float | None = Field(
        default=None, ge=2, lt=29, description="merge speech up to this length; unset: 8, or 28 with a 30 s window"
    )
    max_pause_s: float = Field(default=2.0, ge=0, le=28, description="do not merge speech across longer pauses")
    cut_pauses: bool | None = Field(
        default=None, description="leave out the pauses between merged speech; unset: with a 30 s window only"
    )
    batch_size: int = Field(default=16, ge=1, le=256, description="regions of speech decoded at once")
    gate: GateOptions = Field(
        default=GateOptions(max_segment_s=FULL_TARGET_S, post_roll_ms=96), description="detection of speech"
    )
    screening: ScreeningOptions = Field(default=ScreeningOptions(), description="detection of hallucinations")
    languages: tuple[str, ...] = Field(default=(), description=LANGUAGES_HELP)

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        if self.language_mode == "stretch" and self.strategy != "packed":
            raise ValueError(f"strategy {self.strategy} cannot detect the language of each stretch; use packed")
        return self

    def stretch_s(self, is_adaptive: bool) -> float:
        """Returns the length up to which neighbouring speech is merged."""
        return self.target_s or (ADAPTIVE_TARGET_S if is_adaptive else FULL_TARGET_S)

    def cuts_pauses(self, is_adaptive: bool) -> bool:
        """Returns whether the pauses between merged speech are left out."""
        return not is_adaptive if self.cut_pauses is None else self.cut_pauses


DEFAULT_LONGFORM = LongformOptions()
