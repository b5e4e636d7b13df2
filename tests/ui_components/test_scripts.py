"""Laws of the scripts that are put together from files."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ui_components.data.record.view import record_script
from ui_components.live.view import live_script
from ui_components.transcribe.result.view import editor_script
from ui_components.widgets.audio_view.view import view_script

FOLDER = Path(__file__).parents[2] / "ui_components"
DEFINITION = re.compile(r"\b(?:function|class|const|let) +(\w+)")
METHOD = re.compile(r"^\s+(?:async |static |get |set )*\w+\([^\n]*\) \{$|^\s+(?:get|set) \w+\(\w*\) \{", re.M)
NOT_CODE = re.compile(r"//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")


def defined(script: str) -> set[str]:
    return set(DEFINITION.findall(script))


@pytest.mark.parametrize("script", [record_script, live_script, editor_script, view_script])
def test_script_contains_every_function_of_our_files_that_it_calls(script: Callable[[], str]):
    text = script()
    ours = set().union(*(defined(path.read_text(encoding="utf-8")) for path in FOLDER.rglob("*.js")))
    called = set(re.findall(r"(?<![.\w])(\w+)\(", METHOD.sub("", NOT_CODE.sub("", text))))
    assert (called & ours) - defined(text) == set()
