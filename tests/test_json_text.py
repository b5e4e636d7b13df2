"""JSON that is printed or written never holds NaN or infinity."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from qal.json_text import json_text

ROOT = Path(__file__).parent.parent
# Places whose values are text, settings or whole numbers, and the program that runs in another process
WITHOUT_NUMBERS = {
    "qal/json_text.py",
    "qal/checks/device.py",
    "qal/evaluation/speed/process.py",
    "qal/export/alignment_heads.py",
    "qal/export/gate/word_times.py",
    "qal/export/to_onnx.py",
    "qal/corpus/importers/conversion/staging_folder.py",
    "qal/corpus/versions/dvc_file.py",
    "ui_components/train/new_run/command_line.py",
    "ui_components/train/compare/view.py",
    "ui_components/train/run/charts.py",
    "ui_components/data/augmentation_actions.py",
    "ui_components/data/record/view.py",
    "ui_components/live/view.py",
    "ui_components/live/tab.py",
    "ui_components/app/address.py",
    "ui_components/train/run/tab.py",
    "ui_components/transcribe/start/form.py",
    "qal/transcription/document.py",
    "qal/transcription/identity.py",
    "qal/transcription/store.py",  # its figures are read by Qal alone, and kept as they are
    "qal/engine/settings/presets.py",
}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float64("nan")])
def test_numbers_that_are_not_finite_become_null(value):
    text = json_text({"a": value, "b": [1.5, (value,)], "c": {"d": value}})
    assert json.loads(text) == {"a": None, "b": [1.5, [None]], "c": {"d": None}}
    assert json_text({"ቃል": 1}, ensure_ascii=False) == '{"ቃል": 1}'


def test_product_formats_json_in_one_place():
    sources = [path for folder in ("qal", "ui_components") for path in (ROOT / folder).rglob("*.py")]
    users = {str(p.relative_to(ROOT)) for p in sources if re.search(r"json\.dumps\(", p.read_text(encoding="utf-8"))}
    assert users <= WITHOUT_NUMBERS
