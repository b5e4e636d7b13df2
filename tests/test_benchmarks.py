"""The command lines of the benchmarks: their defaults are valid values of their options."""

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for file in sorted((ROOT / "benchmarks").rglob("*.py"))
    if "import make_parser" in file.read_text(encoding="utf-8")
]
REQUIRED = {"benchmarks.presets": ["quick"]}


class ParsedError(Exception):
    """Raised after the command line was parsed, before anything is measured."""


@pytest.mark.parametrize("module", MODULES)
def test_defaults_of_a_benchmark_are_valid(module, monkeypatch):
    benchmark = importlib.import_module(module)
    parse = benchmark.parse

    def parse_only(parser):
        parse(parser)
        raise ParsedError

    monkeypatch.setattr(benchmark, "parse", parse_only)
    monkeypatch.setattr(sys, "argv", [module, *REQUIRED.get(module, [])])
    with pytest.raises(ParsedError):
        benchmark.main()
