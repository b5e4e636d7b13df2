"""Options for the transcription of files."""

from pydantic import BaseModel, Field

from qal.audio.gate import GateOptions
from qal.engine.decoding import GREEDY, MAX_TEXT_TOKENS
from qal.engine.languages import LANGUAGES_HELP
from qal.engine.screening import ScreeningOptions

ADAPTIVE_TARGET_S = 15.0  # longer regions are hardly faster and less accurate
FULL_TARGET_S = 28.0  # without adaptive context every utterance costs 30 s
LONGFORM_DECODING = GREEDY.model_copy(update={"max_tokens": MAX_TEXT_TOKENS})


class LongformOptions(BaseModel, frozen=True, extra="forbid"):
    """Options for the transcription of files."""

    target_s: float | None = Field(
        default=None, ge=2, lt=29, description="merge speech up to this length; unset: 15, or 28 with a 30 s window"
    )
    max_pause_s: float = Field(default=2.0, ge=0, le=28, description="do not merge speech across longer pauses")
    batch_size: int = Field(default=16, ge=1, le=256, description="regions of speech decoded at once")
    gate: GateOptions = Field(
        default=GateOptions(max_segment_s=FULL_TARGET_S, post_roll_ms=96), description="detection of speech"
    )
    screening: ScreeningOptions = Field(default=ScreeningOptions(), description="detection of hallucinations")
    languages: tuple[str, ...] = Field(default=(), description=LANGUAGES_HELP)


DEFAULT_LONGFORM = LongformOptions()
