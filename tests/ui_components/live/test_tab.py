import shutil
import subprocess

import gradio as gr
import pytest

from qal.audio.gate import GateOptions
from ui_components.live.tab import GATE_LABELS, gate_setting
from ui_components.live.view import live_script


def test_each_gate_option_has_a_setting_with_its_default_and_a_label():
    assert list(GATE_LABELS) == list(GateOptions.model_fields)
    for name, field in GateOptions.model_fields.items():
        setting = gate_setting(name)
        assert setting.value == field.default
        if isinstance(setting, gr.Slider):
            assert setting.minimum <= field.default <= setting.maximum


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
def test_scripts_of_the_page_are_valid_javascript(tmp_path):
    """Gradio runs the script as the body of a function with these parameters, which it must not declare again."""
    script = tmp_path / "live.js"
    parameters = "element, trigger, props, server, watch, upload"
    script.write_text(f"async function run({parameters}) {{\n{live_script()}\n}}", encoding="utf-8")
    subprocess.run(["node", "--check", str(script)], check=True)
