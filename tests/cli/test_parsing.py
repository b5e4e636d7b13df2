"""Command lines made from options models."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from qal.cli.parsing import flag, hyphenated, parse_options, positional
from qal.errors import OptionError


class Inner(BaseModel, frozen=True):
    """Settings of a group"""

    level: float = flag(0.5, "a share", ge=0, le=1)


class Options(BaseModel, frozen=True):
    model: str = positional("a model", "MODEL")
    files: list[Path] = positional("files", "FILE")
    beam_size: int = flag(1, "hypotheses", "N", ge=1)
    task: Literal["transcribe", "translate"] = flag("transcribe", "what to do")
    json_: bool = flag(False, "as JSON")
    voices: list[Path] = flag([], "more files", "FILE")
    inner: Inner = flag(Inner(), "a group")


def parse(*words: str) -> Options:
    return parse_options("qal test", "A test.", Options, words)


def test_fields_become_positionals_and_flags():
    options = parse(
        "base", "a.wav", "b.wav", "--beam-size", "3", "--json", "--voices", "v.wav", "--inner.level", "0.25"
    )
    assert options.files == [Path("a.wav"), Path("b.wav")]
    assert (options.model, options.beam_size, options.json_, options.inner.level) == ("base", 3, True, 0.25)
    assert options.voices == [Path("v.wav")]


def test_defaults_are_the_models_defaults():
    assert parse("base", "a.wav") == Options(model="base", files=[Path("a.wav")])


def test_underscores_and_hyphens_are_the_same_flag():
    assert parse("base", "a.wav", "--beam_size=4").beam_size == 4
    assert hyphenated(["--live_days", "x_y", "--a.b_c", "--a_b=c_d"]) == ["--live-days", "x_y", "--a.b_c", "--a-b=c_d"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["base"], "files"),
        (["base", "a.wav", "--beam-size", "0"], "beam.size"),
        (["base", "a.wav", "--beam-size", "many"], "beam.size"),
        (["base", "a.wav", "--task", "sing"], "task"),
        (["base", "a.wav", "--inner.level", "2"], "level"),
        (["base", "a.wav", "--nonsense"], "--nonsense"),
    ],
)
def test_wrong_value_is_one_line_that_names_the_option(words, reason):
    with pytest.raises(OptionError, match=reason) as caught:
        parse(*words)
    assert "\n" not in str(caught.value)
    assert "qal test --help" in str(caught.value)
