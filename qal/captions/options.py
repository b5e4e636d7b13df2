"""The options of a caption session."""

from typing import Literal

from pydantic import BaseModel, Field

from qal.captions.fixed_chunks import CHUNK_S
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.languages import LANGUAGES, LANGUAGES_HELP
from qal.engine.screening import ScreeningOptions

UpdateMode = Literal["gated", "single", "chunks"]
MAX_HINT_CHARACTERS = 500


class SessionOptions(BaseModel, frozen=True, extra="forbid"):
    """How the captions of a session are made from its segments."""

    mode: UpdateMode = Field(
        default="gated",
        description="gated: partial results during speech, a final result after each pause; single: one result after "
        f"each pause; chunks: one result for each {CHUNK_S:g} s of speech, without waiting for a pause",
    )
    tentative_every_s: float = Field(
        default=0.5, ge=0, le=28, description="new speech after which partial results are updated; 0 = no updates"
    )
    speculate: bool = Field(
        default=True,
        description="transcribe a segment when silence begins, so that the result is ready when the segment ends",
    )
    language_s: float = Field(
        default=1.0, ge=0, le=28, description="minimum speech duration of a segment whose language is detected"
    )
    languages: tuple[str, ...] = Field(default=(), max_length=len(LANGUAGES), description=LANGUAGES_HELP)
    expect: str = Field(
        default="", max_length=MAX_HINT_CHARACTERS, description="vocabulary hints: names and terms (initial prompt)"
    )
    previous_text: bool = Field(default=False, description="use the previous line as context")
    decoding: DecodingOptions = Field(default=GREEDY, description="decoding options")
    screening: ScreeningOptions = Field(default=ScreeningOptions(), description="rules that remove hallucinated text")


DEFAULT_SESSION = SessionOptions()
