"""The package that `pip install .` builds: the command works from an empty folder, with all that it delivers."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that holds the wheel, beside the libraries of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, str(folder), str(ROOT)], check=True, capture_output=True)
    (wheel,) = folder.glob("qal-*.whl")
    venv.create(folder / "env", with_pip=False)
    purelib = sysconfig.get_path("purelib", vars={"base": str(folder / "env"), "platbase": str(folder / "env")})
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    target = Path(purelib)
    install = [sys.executable, "-m", "pip", "--python", str(folder / "env"), "install", "--quiet", "--no-deps"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    (target / "libraries.pth").write_text("\n".join(libraries))
    return folder / "env" / "bin"


def run(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [str(installed / "qal"), *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=200
    )


def test_wheel_help_and_check_work_from_an_empty_folder(installed, tmp_path):
    shown = run(installed, tmp_path, "--help")
    assert shown.returncode == 0, shown.stderr
    assert "transcribe" in shown.stdout
    checked = run(installed, tmp_path, "check", "--port", "7998")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_wheel_is_what_runs(installed, tmp_path):
    code = "import qal, ui_components as ui, train_whisper_lightning as t; print(qal.__file__, ui.__file__, t.__file__)"
    done = subprocess.run([str(installed / "python"), "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(str(installed.parent) in path for path in done.stdout.split()), done.stdout


def test_wheel_delivers_presets_adapters_scripts_and_styles(installed, tmp_path):
    code = (
        "from qal.resources import ADAPTERS, CONFIGS, REQUIREMENTS\n"
        "from qal.jobs.options.yaml_file import load_config\n"
        "from ui_components.app.theme import STYLES\n"
        "from ui_components.app.studio import Studio\n"
        "from ui_components.app.page import studio_page\n"
        "presets = sorted(CONFIGS.glob('*.yaml'))\n"
        "assert len(presets) > 4 and all(load_config(p) for p in presets)\n"
        "assert (ADAPTERS / 'base-adaptive' / 'adapter_model.safetensors').is_file() and REQUIREMENTS.is_file()\n"
        "assert len(STYLES) > 4 and all(p.is_file() for p in STYLES)\n"
        "assert studio_page(Studio())\n"
        "from qal.api.audience.routes import FILES, PAGE_FOLDER\n"
        "parts = ['page.html', *(part for _, parts in FILES.values() for part in parts)]\n"
        "assert all((PAGE_FOLDER / part).is_file() for part in parts)\n"
    )
    done = subprocess.run([str(installed / "python"), "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_wheel_transcribes_from_an_empty_folder(installed, tmp_path, base_directory, english_corpus):
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s)
    audio = str(english_corpus.audio_path(row))
    done = run(installed, tmp_path, "transcribe", str(base_directory), audio, "--language", "en")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 3
