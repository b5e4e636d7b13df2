"""The import order: a package imports only from packages lower in LAYERS, never sideways or up."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = (
    {"qal.errors", "qal.resources", "qal.json_text", "qal.cores"},
    {"qal.storage", "qal.subcommand", "qal.hub_connection"},
    {"qal.text"},
    {"qal.audio"},
    {"augmentation", "qal.corpus"},
    {"qal.engine"},
    {"qal.evaluation", "qal.checks"},
    {"qal.jobs"},
    {"qal.training", "qal.export", "qal.captions", "qal.transcription"},
    {"ui_components", "qal.api"},
    {"qal.cli"},
    {"benchmarks"},
)
SCRIPTS = {"app", "app_streaming", "train_whisper_lightning"}  # one unit with qal.cli: where packages meet
INTERFACE = {"qal"}  # the names that `import qal` offers, imported when they are used
LEVEL = {package: level for level, packages in enumerate(LAYERS) for package in packages}
TORCH = {"torch", "pytorch_lightning", "lightning_fabric", "peft", "transformers", "deepspeed", "silero_vad"}
MAY_IMPORT_TORCH = {"qal.training", "qal.export", "benchmarks"}
PAGE = {"gradio", "plotly"}
MAY_IMPORT_PAGE = {"ui_components", "qal.cli", "benchmarks"}
SERVER = {"fastapi"}
MAY_IMPORT_SERVER = {"qal.api", "ui_components", "qal.cli", "benchmarks"}
PAGE_PROCESS = {
    "ui_components",
    "qal.api",
    "qal.captions",
    "qal.transcription",
    "qal.jobs",
}  # and everything below them


def package_of(module: str) -> str:
    """The package of LAYERS that a dotted module name belongs to; itself where it is none of them."""
    parts = module.split(".")
    if parts[0] in SCRIPTS or module.startswith("qal.__main__"):
        return "qal.cli"
    return ".".join(parts[:2]) if parts[0] == "qal" else parts[0]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = sorted(
    path
    for name in ("qal", "augmentation", "ui_components", "benchmarks", *(f"{s}.py" for s in SCRIPTS))
    for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
)


def imported(source: str, top_level_only: bool = False) -> set[str]:
    """The dotted names that a file imports."""
    tree = ast.parse(source)
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{a.name}" if node.module == "qal" else node.module for a in node.names}
    return names


def violations(package: str, modules: set[str]) -> list[str]:
    """The packages that this package must not import."""
    others = {package_of(module) for module in modules} - {package}
    return sorted(other for other in others if other in LEVEL and LEVEL[other] >= LEVEL[package])


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_package_imports_only_from_lower_packages(path: Path):
    package = package_of(module_of(path))
    assert package in LEVEL or package in INTERFACE, "a new package needs its place in LAYERS"
    if package in LEVEL:
        assert violations(package, imported(path.read_text())) == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_libraries_stay_in_their_packages(path: Path):
    package, source = package_of(module_of(path)), path.read_text()
    at_import = {module.split(".")[0] for module in imported(source, top_level_only=True)}
    if package not in MAY_IMPORT_TORCH:
        assert not at_import & TORCH
    if package not in MAY_IMPORT_PAGE:
        assert not at_import & PAGE
    if package not in MAY_IMPORT_SERVER:
        assert not at_import & SERVER


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_page_process_never_imports_packages_that_import_torch(path: Path):
    if package_of(module_of(path)) in PAGE_PROCESS:
        assert not {package_of(module) for module in imported(path.read_text())} & {"qal.training", "qal.export"}


def test_layer_rule_finds_a_violation():
    assert violations("qal.engine", {"qal.captions.session"}) == ["qal.captions"]
    assert violations("qal.training", {"qal.export.merge"}) == ["qal.export"]
    assert violations("qal.training", {"qal.engine.engine", "numpy"}) == []
    assert imported("from qal import captions") == {"qal.captions"}


def test_package_files_are_empty():
    packages = [p for name in ("qal", "augmentation", "ui_components") for p in (ROOT / name).rglob("__init__.py")]
    assert [p for p in packages if p.stat().st_size and p != ROOT / "qal" / "__init__.py"] == []
