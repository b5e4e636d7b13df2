"""Named settings of an engine and its decoder for small devices, and options as words of a command line."""

import json
from typing import Any

from pydantic import BaseModel, Field

from qal.engine.decoding import DecodingOptions
from qal.engine.longform.options import LONGFORM_DECODING


class EnginePreset(BaseModel, frozen=True, extra="forbid"):
    """Settings that go together."""

    about: str
    model: str
    compute_type: str = "int8"
    threads: int = Field(default=0, ge=0)  # 0: all cores
    decoding: DecodingOptions = LONGFORM_DECODING  # greedy
    batch_size: int = Field(default=4, ge=1)  # regions of a file that are decoded at once

    @property
    def engine_settings(self) -> dict[str, Any]:
        """The arguments of qal.load_engine."""
        return {"model": self.model, "device": "cpu", "compute_type": self.compute_type, "threads": self.threads}


SMALL_DEVICES = {
    "tiny-device": EnginePreset(about="one core and about 300 MB: tiny, greedy", model="tiny", threads=1, batch_size=1),
    "small-device": EnginePreset(about="two to four cores and about 600 MB: base, greedy", model="base-adaptive"),
}


def command_words(options: BaseModel, defaults: BaseModel, prefix: str = "--decoding.") -> list[str]:
    """Returns the options that differ from the defaults as words of a command line, such as --decoding.beam_size 4."""
    words: list[str] = []
    for name in type(options).model_fields:
        value = getattr(options, name)
        if value != getattr(defaults, name):
            words += [f"{prefix}{name}", *_words(value)]
    return words


def _words(value: Any) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [json.dumps(value, ensure_ascii=False)]
    return [str(value).lower() if isinstance(value, bool) else str(value)]
