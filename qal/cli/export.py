"""python -m export SOURCE --to FORM: a model in another form.

SOURCE is a shipped adapter (adapters/base-adaptive: merged, converted and put into the model cache), a run's
folder, a Transformers directory or a model directory."""

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from engine.catalogue import models_folder
from engine.model_directory import CARD_FILE, is_model_directory
from errors import CommandParser, ConversionError, OptionError, run_command, storage_errors
from export.adapters import ADAPTERS, install, is_installed

KEPT = "transformers"  # where a run keeps its weights in float32, if its options say so


def main() -> None:
    parser = CommandParser(prog="python -m export", description=__doc__)
    parser.add_argument(
        "source", type=Path, metavar="SOURCE", help="shipped adapter, run, Transformers or model directory"
    )
    parser.add_argument("--to", required=True, choices=["ctranslate2", "transformers"], help="form to make")
    parser.add_argument("--out", type=Path, help="folder to make (needed unless SOURCE is a shipped adapter)")
    parser.add_argument(
        "--quantization",
        default="float16",
        help="of CTranslate2 weights: float32, float16 (default), bfloat16, int8 or int8_float16",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # half a model is put away
    print(export(options))


def export(options: argparse.Namespace) -> Path:
    source, out = options.source, options.out
    if source.resolve().parent == ADAPTERS:
        return shipped(source.resolve().name, options)
    if out is None:
        raise OptionError("say where to: --out FOLDER")
    if out.exists():
        raise OptionError(f"{out}: exists already; choose another --out")
    if options.to == "transformers" and (source / KEPT / "config.json").exists():
        return copied(source / KEPT, out)
    source = source / "model" if is_model_directory(source / "model") else source
    if is_model_directory(source) and options.to == "transformers":
        from export.from_ctranslate2 import convert

        return convert(source, out)
    if is_model_directory(source):
        return requantized(source, out, options.quantization)
    if (source / "model.safetensors").exists() and options.to == "ctranslate2":
        from export.to_ctranslate2 import to_ctranslate2

        return to_ctranslate2(source, out, options.quantization)
    raise ConversionError(
        f"{source}: cannot be exported to {options.to}; give a run, a model or a Transformers directory"
    )


def copied(source: Path, out: Path) -> Path:
    """The float32 weights that a run has kept; made beside and renamed."""
    with storage_errors(f"the model {out}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
            shutil.copytree(source, Path(temporary, "copy")).rename(out)
    return out


def requantized(source: Path, out: Path, quantization: str) -> Path:
    """A model directory with other weights of the same values; its card goes along."""
    from export.from_ctranslate2 import convert
    from export.to_ctranslate2 import to_ctranslate2

    with storage_errors(f"the model {out}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
            made = to_ctranslate2(
                convert(source, Path(temporary, "transformers")), Path(temporary, "model"), quantization
            )
            if (source / CARD_FILE).exists():
                shutil.copyfile(source / CARD_FILE, made / CARD_FILE)
            made.rename(out)
    return out


def shipped(name: str, options: argparse.Namespace) -> Path:
    if options.to != "ctranslate2" or options.out:
        raise OptionError("a shipped adapter is merged into the model cache: use --to ctranslate2 without --out")
    if not is_installed(name):
        print(f"preparing the model '{name}' in {models_folder()} …", file=sys.stderr)
    return install(name)


if __name__ == "__main__":
    run_command(main)
