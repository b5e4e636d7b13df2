"""What the server gives to whoever asks: the data and runs folders, and nothing else of this machine."""

import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = Path(__file__).parents[2]


def answer(address: str, path: str) -> int:
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/gradio_api/file={quote(path)}") as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_files_outside_the_data_and_runs_folders_cannot_be_read(serve, tmp_path):
    data, runs = tmp_path / "data", tmp_path / "runs"
    for folder in (data, runs):
        folder.mkdir()
        (folder / "inside.txt").write_text("yes")
    (tmp_path / "users.json").write_text("{}")
    (data / "linked").symlink_to(tmp_path)
    address = serve("app.py", "--data", str(data))
    assert answer(address, str(data / "inside.txt")) == 200
    assert answer(address, str(runs / "inside.txt")) == 200
    outside = ["/etc/passwd", str(tmp_path / "users.json"), str(ROOT / "pyproject.toml"), "pyproject.toml"]
    outside += [f"{data}/../users.json", f"{data}/linked/users.json", str(Path.home() / ".bashrc")]
    for path in outside:
        assert answer(address, path) in (403, 404), path


@pytest.mark.parametrize("script", ["app.py", "app_streaming.py"])
def test_strangers_read_nothing(serve, tmp_path, script, base_directory):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "inside.txt").write_text("yes")
    more = ["--data", str(tmp_path / "data")] if script == "app.py" else []
    address = serve(script, "--auth", "anna:secret", *more)
    assert answer(address, str(tmp_path / "data" / "inside.txt")) == 401
