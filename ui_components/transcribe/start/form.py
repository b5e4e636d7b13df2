"""The form of the Transcribe tab: options from its components' values, and the command line that does the same."""

import json
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qal.engine.decoding import BASIC_OPTIONS
from qal.errors import OptionError
from qal.jobs.options.validation_errors import validation_messages
from qal.text.subtitles.presets import SUBTITLE_PRESETS
from qal.text.subtitles.rules import SubtitleRules
from qal.transcription.options import OutputOptions, TranscriptionOptions
from ui_components.widgets.choices import DETECT, Choices, language_choices
from ui_components.widgets.forms import Setting, component_values, nested, option_values, settings_of, value_of

PER_SEGMENT = "auto-per-segment"  # of the language, as on the command line
STANDARD = "standard"  # the preset of subtitles whose rules are the defaults
BASIC_FIELDS = ("model", "language", "task")  # which have components of their own
HIDDEN = ("postprocessing.profanity_file",)  # a file of the server, which a page must not read
COMMAND_NAMES = {"sound.track": "track", "sound.channels": "channels", "longform.strategy": "strategy"}
EXAMPLE_FILE = "talk.mp4"


class FileSetting(Setting):
    """A setting of the form; other forms of the page have fields of the same names."""

    @property
    def element_id(self) -> str:
        return f"file-{super().element_id}"


class OutputSetting(Setting):
    """A setting of a transcript's output, in the result."""

    @property
    def element_id(self) -> str:
        return f"output-{super().element_id}"


class FileOptions(TranscriptionOptions, OutputOptions, frozen=True):
    """All options of the form."""

    model: str = ""

    def transcription(self) -> TranscriptionOptions:
        return TranscriptionOptions(**{name: getattr(self, name) for name in TranscriptionOptions.model_fields})

    def output(self) -> OutputOptions:
        return OutputOptions(postprocessing=self.postprocessing, subtitles=self.subtitles)


def _shown(settings: Iterable[Setting]) -> list[Setting]:
    return [setting for setting in settings if setting.name not in (*BASIC_FIELDS, *HIDDEN)]


ADVANCED = [FileSetting(s.name, s.field) for s in _shown(settings_of(FileOptions))]
OUTPUT = [OutputSetting(s.name, s.field) for s in _shown(settings_of(OutputOptions))]
RULES = tuple(s.name for s in OUTPUT if s.name.startswith("subtitles."))


def _names(prefix: str) -> tuple[str, ...]:
    return tuple(s.name for s in ADVANCED if s.name.startswith(prefix))


_BASIC = tuple(f"decoding.{name}" for name in BASIC_OPTIONS)
GROUPS: dict[str, tuple[str, ...]] = {
    "Decoding": _BASIC,
    "Decoding: advanced": tuple(name for name in _names("decoding.") if name not in _BASIC),
    "Sound": _names("sound."),
    "Long recordings": ("context", *(n for n in _names("longform.") if n.count(".") == 1)),
    "Detection of speech": _names("longform.gate."),
    "Implausible text": _names("longform.screening."),
    "Post-processing": _names("postprocessing."),
    "Subtitle rules": RULES,
}


def file_language_choices() -> Choices:
    """Detection for each file, detection for each stretch of speech, then all languages by name."""
    (detect, *named) = language_choices()
    return [detect, ("Detect, several languages in a file", PER_SEGMENT), *named]


def preset_choices() -> Choices:
    return [(preset.label, name) for name, preset in SUBTITLE_PRESETS.items()]


def rules_of_preset(preset: str) -> SubtitleRules:
    """Returns the rules of a preset. Raises OptionError for a name that is none."""
    if preset not in SUBTITLE_PRESETS:
        raise OptionError("this preset of subtitles is not there; choose another one")
    return SUBTITLE_PRESETS[preset].rules


def rule_values(preset: str) -> list[Any]:
    """Returns the values of the components of RULES for a preset."""
    options = OutputOptions(subtitles=rules_of_preset(preset))
    return list(component_values((s for s in OUTPUT if s.name in RULES), options))


def file_options(model: str | None, language: str | None, task: str, values: Sequence[Any]) -> FileOptions:
    """Returns the options of the form.

    Args:
        model: name of the model.
        language: language code, DETECT, or PER_SEGMENT.
        task: "transcribe" or "translate".
        values: of the components of ADVANCED.

    Raises OptionError, which names each wrong field by its label."""
    fields = option_values(ADVANCED, values)
    if language == PER_SEGMENT:
        fields["longform.language_mode"] = "stretch"
    spoken = None if language in (None, DETECT, PER_SEGMENT) else language
    return _checked(FileOptions, {"model": model or "", "language": spoken, "task": task, **nested(fields)})


def output_options(values: Sequence[Any]) -> OutputOptions:
    """Returns the options of the components of OUTPUT. Raises OptionError."""
    return _checked(OutputOptions, nested(option_values(OUTPUT, values)))


def _checked(model: type[Any], values: dict[str, Any]) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        labels = {setting.name: setting.label for setting in ADVANCED}
        messages = []
        for message in validation_messages(error):
            name, colon, rest = message.partition(":")
            messages.append(f"{labels.get(name, name)}{colon}{rest}")
        raise OptionError("; ".join(messages)) from error


def transcribe_command(options: FileOptions, preset: str, files: Sequence[str] = ()) -> str:
    """Returns the command line that does what the form does, with the settings that are not the default ones."""
    words = ["qal", "transcribe", options.model or "MODEL", *(files or [EXAMPLE_FILE])]
    per_segment = options.longform.language_mode == "stretch" and not options.language
    language = PER_SEGMENT if per_segment else options.language
    words += ["--language", language] if language else []
    words += ["--task", options.task] if options.task != "transcribe" else []
    words += ["--preset", preset] if preset != STANDARD else []
    default = FileOptions(subtitles=rules_of_preset(preset))
    for setting in ADVANCED:
        value = value_of(options, setting.name)
        if value == value_of(default, setting.name) or (setting.name == "longform.language_mode" and per_segment):
            continue
        words.append(f"--{COMMAND_NAMES.get(setting.name, setting.name)}={_argument(value)}")
    return shlex.join([*words, "--out", "texts", "--format", "srt"])


def _argument(value: Any) -> str:
    if isinstance(value, tuple | list):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else json.dumps(value)


def shown_name(path: Path) -> str:
    """Returns the name of a file, also where it is not valid UTF-8."""
    return path.name.encode("utf-8", "replace").decode()
