"""Who may import whom: a room imports only from rooms lower in this list, never sideways or up."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = (
    {"errors"},
    {"audio", "text"},
    {"augmentation", "corpus"},
    {"engine"},
    {"evaluation", "checks"},
    {"training", "export", "captions"},
    {"ui_components", "api"},
    {"app", "app_streaming", "train_whisper_lightning", "demo", "benchmarks"},
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
TORCH = {"torch", "pytorch_lightning", "lightning_fabric", "peft", "transformers", "deepspeed", "silero_vad"}
TORCH_ROOMS = {"training", "export", "benchmarks"}
TORCH_FREE = {
    "training/batch_ends.py",
    "training/command_line.py",
    "training/config.py",
    "training/config_file.py",
    "training/job.py",
    "training/log_tail.py",
    "training/machine.py",
    "training/rows.py",
    "training/metrics.py",
    "training/notes.py",
    "training/run.py",
    "training/sample_rows.py",
    "training/shelf.py",
    "export/adapters.py",
}
assert all((ROOT / path).is_file() for path in TORCH_FREE), "one of them was renamed"
PAGE = {"gradio", "plotly"}
PAGE_ROOMS = {"ui_components", "app", "app_streaming", "benchmarks"}
TREES = [p for p in ROOT.rglob("*.py") if p.relative_to(ROOT).parts[0].removesuffix(".py") in LEVEL]


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(source: str, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(source)
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    return names | {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module}


def crossings(room: str, modules: set[str]) -> list[str]:
    """Modules that this room may not import."""
    roots = {m.split(".")[0] for m in modules} - {room}
    return sorted(r for r in roots if r in LEVEL and LEVEL[r] >= LEVEL[room])


@pytest.mark.parametrize("path", TREES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_from_lower_rooms(path: Path):
    assert crossings(room_of(path), imported(path.read_text())) == []


@pytest.mark.parametrize("path", TREES, ids=lambda p: str(p.relative_to(ROOT)))
def test_torch_and_gradio_stay_in_their_rooms(path: Path):
    name = str(path.relative_to(ROOT))
    at_import = {m.split(".")[0] for m in imported(path.read_text(), top_level_only=True)}
    if room_of(path) not in TORCH_ROOMS or name in TORCH_FREE:
        assert not at_import & TORCH
    if room_of(path) not in PAGE_ROOMS:
        assert not at_import & PAGE


def test_the_rule_sees_a_line_that_is_crossed():
    assert crossings("engine", {"captions.session"}) == ["captions"]
    assert crossings("training", {"export.merge"}) == ["export"]
    assert crossings("training", {"engine.engine", "numpy"}) == []


def test_package_files_are_empty():
    assert [p for p in ROOT.glob("[a-z]*/**/__init__.py") if p.stat().st_size and room_of(p) in LEVEL] == []


@pytest.mark.parametrize(
    "module", ["training.job", "training.config", "engine.engine", "engine.longform", "captions.session"]
)
def test_what_the_page_imports_brings_no_torch(module: str):
    code = f"import {module}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
