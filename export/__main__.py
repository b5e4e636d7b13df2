"""python -m export SOURCE --to FORM: a model in another form.

SOURCE is a shipped adapter (adapters/base-adaptive: merged, converted and put into the model cache), a run's
folder, a Transformers directory or a model directory."""

import argparse
import sys
from pathlib import Path

from engine.catalogue import models_folder
from engine.model_directory import is_model_directory
from errors import CommandParser, ConversionError, OptionError, run_command
from export.adapters import ADAPTERS, install, is_installed


def main() -> None:
    parser = CommandParser(prog="python -m export", description=__doc__)
    parser.add_argument("source", type=Path, metavar="SOURCE", help="adapter, run, Transformers or model directory")
    parser.add_argument("--to", required=True, choices=["ctranslate2", "transformers"], help="form to make")
    parser.add_argument("--out", type=Path, help="folder to make (needed unless SOURCE is a shipped adapter)")
    parser.add_argument("--quantization", default="float16", help="of CTranslate2 weights (default: float16)")
    options = parser.parse_args()
    print(export(options))


def export(options: argparse.Namespace) -> Path:
    source, out = options.source, options.out
    if source.resolve().parent == ADAPTERS:
        return shipped(source.resolve().name, options)
    if out is None:
        raise OptionError("say where to: --out FOLDER")
    if out.exists():
        raise OptionError(f"{out}: exists already; choose another --out")
    source = source / "model" if is_model_directory(source / "model") else source
    if is_model_directory(source) and options.to == "transformers":
        from export.from_ctranslate2 import convert

        return convert(source, out)
    if (source / "model.safetensors").exists() and options.to == "ctranslate2":
        from export.to_ctranslate2 import to_ctranslate2

        return to_ctranslate2(source, out, options.quantization)
    raise ConversionError(
        f"{source}: cannot be exported to {options.to}; give a run, a model or a Transformers directory"
    )


def shipped(name: str, options: argparse.Namespace) -> Path:
    if options.to != "ctranslate2" or options.out:
        raise OptionError("a shipped adapter is merged into the model cache: use --to ctranslate2 without --out")
    if not is_installed(name):
        print(f"preparing the model '{name}' in {models_folder()} …", file=sys.stderr)
    return install(name)


if __name__ == "__main__":
    run_command(main)
