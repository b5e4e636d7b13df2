"""Rules for subtitles: how long a line, a cue and its display may be."""

from typing import Self

from pydantic import BaseModel, Field, model_validator


class SubtitleRules(BaseModel, frozen=True, extra="forbid"):
    """Rules that cues obey.

    Letters are counted by their width: a full-width letter, as in Chinese, counts twice, a combining mark not at all.
    In Chinese, Japanese and Korean a line is shorter, so that the usual 42 letters become 16 full-width ones."""

    max_letters: int = Field(default=42, ge=8, le=200, description="letters in a line, at most")
    max_lines: int = Field(default=2, ge=1, le=4, description="lines in a cue, at most")
    max_words: int | None = Field(default=None, ge=1, le=100, description="words in a cue, at most; unset: any number")
    max_duration_s: float = Field(default=7.0, ge=0.5, le=60, description="duration of a cue, at most")
    min_duration_s: float = Field(
        default=0.8, ge=0, le=10, description="duration of a cue, at least, where the next one leaves the time"
    )
    max_letters_per_s: float = Field(
        default=17.0, ge=5, le=100, description="letters to read per second, at most, where the speech leaves the time"
    )
    min_gap_s: float = Field(default=0.08, ge=0, le=2, description="time between two cues, at least")
    max_pause_s: float = Field(default=1.0, ge=0.1, le=10, description="a longer pause ends a cue")
    paragraph_pause_s: float = Field(
        default=2.0, ge=0.2, le=60, description="a longer pause ends a paragraph of a text without times, and of DOCX"
    )
    rtl_marks: bool = Field(
        default=True, description="put marks of direction around right-to-left lines of SRT, for players without it"
    )

    @model_validator(mode="after")
    def _durations(self) -> Self:
        if self.min_duration_s > self.max_duration_s:
            raise ValueError(f"min_duration_s {self.min_duration_s} is above max_duration_s {self.max_duration_s}")
        return self


WIDE_LANGUAGES = frozenset({"zh", "yue", "ja", "ko"})
WIDE_SHARE = 32 / 42  # of a line's letters in these languages: 16 full-width ones instead of 42 letters


def line_letters(rules: SubtitleRules, language: str | None) -> int:
    """Returns the letters of a line in a language, at most, counted by width."""
    return round(rules.max_letters * WIDE_SHARE) if language in WIDE_LANGUAGES else rules.max_letters
