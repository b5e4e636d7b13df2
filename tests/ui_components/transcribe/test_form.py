"""The form of the Transcribe tab: every option is in it once, and the command line does the same."""

import shlex
from typing import Any

import pytest

from qal.cli.parsing import parse_options
from qal.cli.transcription.options import PER_SEGMENT as PER_SEGMENT_OF_CLI
from qal.cli.transcription.options import TranscribeOptions
from qal.cli.transcription.short_options import expand_short_options
from qal.errors import OptionError
from qal.text.subtitles.presets import SUBTITLE_PRESETS
from ui_components.transcribe.start.form import (
    ADVANCED,
    GROUPS,
    PER_SEGMENT,
    FileOptions,
    file_options,
    rule_values,
    transcribe_command,
)
from ui_components.widgets.forms import component_values

DEFAULTS = FileOptions()


def values(**changes: Any) -> list[Any]:
    """The values of the components, some changed; the names have __ for a dot."""
    changed = {name.replace("__", "."): value for name, value in changes.items()}
    defaults = component_values(ADVANCED, DEFAULTS)
    return [changed.get(s.name, value) for s, value in zip(ADVANCED, defaults, strict=True)]


def test_each_advanced_setting_is_in_one_group():
    names = [name for group in GROUPS.values() for name in group]
    assert sorted(names) == sorted(setting.name for setting in ADVANCED)
    assert PER_SEGMENT == PER_SEGMENT_OF_CLI


def test_untouched_form_gives_the_default_options():
    options = file_options("base", "", "transcribe", values())
    assert options == FileOptions(model="base")
    assert options.transcription().model == "base"


CASES = [
    ("", "standard", {}),
    ("en", "standard", {"decoding__beam_size": 5.0, "sound__channels": "separate", "sound__track": "2"}),
    (PER_SEGMENT, "film", {"longform__languages": "en\nru", "longform__batch_size": 4}),
    ("ru", "words", {"postprocessing__numbers": True, "longform__gate__min_speech_ms": 300}),
]


@pytest.mark.parametrize(("language", "preset", "changes"), CASES)
def test_command_line_has_the_options_of_the_form(language, preset, changes):
    rules = dict(zip((n.replace(".", "__") for n in GROUPS["Subtitle rules"]), rule_values(preset), strict=True))
    options = file_options("base", language, "transcribe", values(**rules, **changes))
    assert options.subtitles == SUBTITLE_PRESETS[preset].rules
    command = shlex.split(transcribe_command(options, preset))
    assert command[:2] == ["qal", "transcribe"]
    parsed = parse_options("qal transcribe", "", TranscribeOptions, expand_short_options(command[2:]))
    assert parsed.transcription() == options.transcription()
    assert parsed.output() == options.output()


def test_wrong_setting_is_named_by_its_label():
    with pytest.raises(OptionError, match="Beam size: should be at least 1"):
        file_options("base", "", "transcribe", values(decoding__beam_size=0))
