"""Named rules for subtitles."""

from typing import NamedTuple

from qal.text.subtitles.rules import SubtitleRules


class SubtitlePreset(NamedTuple):
    """Rules with their name on the page and what they are for."""

    label: str
    description: str
    rules: SubtitleRules


SUBTITLE_PRESETS = {
    "standard": SubtitlePreset("Standard", "two lines of 42 letters, as most platforms ask for", SubtitleRules()),
    "film": SubtitlePreset(
        "Film and television",
        "two lines of 37 letters, with more time to read",
        SubtitleRules(
            max_letters=37,
            max_duration_s=6.0,
            min_duration_s=1.0,
            max_letters_per_s=15.0,
            min_gap_s=0.12,
        ),
    ),
    "social": SubtitlePreset(
        "Social media",
        "one short line for upright videos",
        SubtitleRules(
            max_letters=24,
            max_lines=1,
            max_duration_s=3.0,
            min_duration_s=0.4,
            max_letters_per_s=22.0,
            min_gap_s=0.0,
            max_pause_s=0.6,
        ),
    ),
    "words": SubtitlePreset(
        "One word at a time",
        "each word while it is spoken",
        SubtitleRules(
            max_lines=1,
            max_words=1,
            max_duration_s=3.0,
            min_duration_s=0.1,
            max_letters_per_s=100.0,
            min_gap_s=0.0,
        ),
    ),
}
