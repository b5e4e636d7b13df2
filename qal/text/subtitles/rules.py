"""Rules for subtitles: how long a line, a cue and its display may be."""

from pydantic import BaseModel, Field


class SubtitleRules(BaseModel, frozen=True, extra="forbid"):
    """Rules that cues obey."""

    max_letters: int = Field(default=42, ge=8, le=200, description="letters in a line, at most")
    max_lines: int = Field(default=2, ge=1, le=4, description="lines in a cue, at most")
    max_duration_s: float = Field(default=7.0, ge=0.5, le=60, description="duration of a cue, at most")
    max_letters_per_s: float = Field(default=17.0, ge=5, le=60, description="letters to read per second, at most")
