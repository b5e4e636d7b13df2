"""Presets for small devices are greedy and int8; options become words of a command line that say the same."""

from pathlib import Path

from pydantic import BaseModel

from qal.cli.parsing import flag, parse_options
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.interface import load_engine
from qal.engine.settings.presets import SMALL_DEVICES, command_words


class Command(BaseModel, frozen=True):
    decoding: DecodingOptions = flag(GREEDY, "the decoder")


def test_presets_for_small_devices_are_greedy_and_int8():
    for preset in SMALL_DEVICES.values():
        assert (preset.compute_type, preset.decoding.beam_size) == ("int8", 1)
        assert preset.model in ("tiny", "base", "base-adaptive")


def test_preset_is_loaded_as_it_says(monkeypatch):
    loaded: list[tuple] = []
    monkeypatch.setattr("qal.engine.interface.resolve", Path)
    monkeypatch.setattr("qal.engine.interface.Engine", lambda *arguments: loaded.append(arguments))
    load_engine(**SMALL_DEVICES["tiny-device"].engine_settings)
    assert loaded == [(Path("tiny"), "cpu", "int8", "auto", 1, 1)]


def test_command_line_of_options_is_read_as_the_same_options():
    options = DecodingOptions(
        beam_size=4,
        patience=1.5,
        prompt="Names: Lalibela, Aksum",
        hot_words=("Lalibela", "a b", "ቃል"),
        suppress_tokens=(-1, 5),
        suppress_blank=False,
        words=True,
    )
    words = command_words(options, GREEDY)
    assert words[:2] == ["--decoding.beam_size", "4"]
    assert parse_options("qal x", "", Command, words).decoding == options
    assert command_words(GREEDY, GREEDY) == []
