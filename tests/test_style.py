"""The shape and the language of the code: sizes, docstrings, and the files that the documentation names."""

import ast
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for name in ("qal", "augmentation", "ui_components", "benchmarks", "*.py")
    for path in (ROOT.glob(name) if "*" in name else (ROOT / name).rglob("*.py"))
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MAX_MODULE_LINES, MAX_FUNCTION_LINES, MAX_FOLDER_MODULES, MAX_MEDIAN_LINES = 300, 60, 20, 8
FRAGMENT = re.compile(r"(Of|The same|What|Those|That which|Whoever|Who|Nor|Else)\b")
METAPHOR = re.compile(
    r"\b(rivers?|shelf|shelves|houses?|hears?|heard|tells|told|beats? the heart|shown the door|nobody|somebody|whoever"
    r"|sign of life|begs|knows nothing|goes on|bears?|lessons?|teaches|errands?|rooms? meet)\b",
    re.IGNORECASE,
)
CODE_PATH = re.compile(r"`((?:qal|ui_components|augmentation|configs|adapters|benchmarks|tests|docs)/[\w./-]+)`")


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=lambda p: str(p.relative_to(ROOT)))
def test_docstrings_are_sentences_without_metaphors(path: Path):
    wrong = [f"{line}: {text[:80]}" for line, text in docstrings(path) if FRAGMENT.match(text) or METAPHOR.search(text)]
    assert path == Path(__file__) or not wrong


def test_modules_functions_and_folders_stay_small():
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: n for name, n in lines.items() if n > MAX_MODULE_LINES} == {}
    sizes = dict(item for path in SOURCES for item in functions(path))
    assert {name: n for name, n in sizes.items() if n > MAX_FUNCTION_LINES} == {}
    assert statistics.median(sizes.values()) <= MAX_MEDIAN_LINES
    folders = Counter(str(path.parent.relative_to(ROOT)) for path in SOURCES if path.name != "__init__.py")
    assert {name: n for name, n in folders.items() if n > MAX_FOLDER_MODULES} == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_documents_name_files_that_exist(document: Path):
    text = document.read_text(encoding="utf-8")
    assert [path for path in CODE_PATH.findall(text) if not (ROOT / path).exists()] == []
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert [link for link in links if not (document.parent / link).exists()] == []
    assert not re.search(r"python -m (?!benchmarks|pytest|venv)", text)
