"""The server gives access to files of the data and runs folders only, and to logged-in users only."""

import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = Path(__file__).parents[2]


def http_status(address: str, path: str) -> int:
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/gradio_api/file={quote(path)}") as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_files_outside_data_and_runs_are_not_served(serve, tmp_path):
    data, runs = tmp_path / "data", tmp_path / "runs"
    for folder in (data, runs):
        folder.mkdir()
        (folder / "inside.txt").write_text("yes")
    (tmp_path / "users.json").write_text("{}")
    (data / "linked").symlink_to(tmp_path)
    address = serve("app.py", "--data", str(data))
    assert http_status(address, str(data / "inside.txt")) == 200
    assert http_status(address, str(runs / "inside.txt")) == 200
    outside = ["/etc/passwd", str(tmp_path / "users.json"), str(ROOT / "pyproject.toml"), "pyproject.toml"]
    outside += [f"{data}/../users.json", f"{data}/linked/users.json", str(Path.home() / ".bashrc")]
    for path in outside:
        assert http_status(address, path) in (403, 404), path


@pytest.mark.parametrize("script", ["app.py", "app_streaming.py"])
def test_files_are_not_served_without_login(serve, tmp_path, script, base_directory):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "inside.txt").write_text("yes")
    extra_arguments = ["--data", str(tmp_path / "data")] if script == "app.py" else []
    address = serve(script, "--auth", "anna:secret", *extra_arguments)
    assert http_status(address, str(tmp_path / "data" / "inside.txt")) == 401
