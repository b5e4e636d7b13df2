"""Short options of `qal transcribe`, written as the options that they stand for, before the command line is parsed.

    --beam-size 5      --decoding.beam_size 5
    --preset film      --subtitles.max_letters=37 …, before all other words, which may change them again

So the parser checks them together with the others, and of two values of one option the last one counts."""

from collections.abc import Sequence

from qal.text.subtitles.presets import SUBTITLE_PRESETS

SHORT_OPTIONS = {"--beam-size": "--decoding.beam_size", "--strategy": "--longform.strategy"}
PRESET = "--preset"


def expand_short_options(arguments: Sequence[str]) -> list[str]:
    """Returns the words of a command line without short options; what is no preset stays for the parser."""
    expanded: list[str] = []
    preset = None
    for i, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        name = name.replace("_", "-")
        expanded.append(SHORT_OPTIONS.get(name, name) + equals + value if name in SHORT_OPTIONS else word)
        if name == PRESET:
            preset = value if equals else next(iter(arguments[i + 1 :]), None)
    return [*_preset_words(preset), *expanded]


def _preset_words(name: str | None) -> list[str]:
    """Returns the rules in which a preset differs from the standard, as options."""
    preset = SUBTITLE_PRESETS.get(name or "")
    rules = preset.rules.model_dump(exclude_defaults=True) if preset else {}
    return [f"--subtitles.{rule}={value}" for rule, value in rules.items()]
