"""qal export SOURCE --to FORMAT: a model in another format.

SOURCE is a shipped adapter (adapters/base-adaptive: merged, converted and put into the model cache), a run's
folder, a Transformers directory or a model directory."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from qal.cli.command import interrupt_on_sigterm
from qal.cli.parsing import flag, parse_options, positional
from qal.cli.quiet import quiet_transformers
from qal.cli.subcommands.models import install_shipped
from qal.engine.model_directory import METADATA_FILE, is_model_directory
from qal.errors import ConversionError, OptionError
from qal.resources import ADAPTERS
from qal.storage import storage_errors

KEPT = "transformers"  # the folder of a run that holds its float32 weights, if its options keep them


class ExportOptions(BaseModel, frozen=True):
    source: Path = positional("shipped adapter, run, Transformers or model directory", "SOURCE")
    to: Literal["ctranslate2", "transformers"] = flag(..., "format to make")
    out: Path | None = flag(None, "folder to make; needed unless SOURCE is a shipped adapter", "DIR")
    quantization: str = flag("float16", "CTranslate2 weights: float32, float16, bfloat16, int8 or int8_float16", "TYPE")


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal export", "Converts a model to another format.", ExportOptions, arguments)
    interrupt_on_sigterm()  # an unfinished folder is removed
    quiet_transformers()
    print(export(options))


def export(options: ExportOptions) -> Path:
    source, out = options.source, options.out
    if source.resolve().parent == ADAPTERS.resolve():
        return shipped(source.resolve().name, options)
    if out is None:
        raise OptionError("say where to: --out FOLDER")
    if out.exists():
        raise OptionError(f"{out}: exists already; choose another --out")
    if options.to == "transformers" and (source / KEPT / "config.json").exists():
        return copied(source / KEPT, out)
    source = source / "model" if is_model_directory(source / "model") else source
    if is_model_directory(source) and options.to == "transformers":
        from qal.export.from_ctranslate2 import to_transformers

        return to_transformers(source, out)
    if is_model_directory(source):
        return requantized(source, out, options.quantization)
    if (source / "model.safetensors").exists() and options.to == "ctranslate2":
        from qal.export.to_ctranslate2 import to_ctranslate2

        return to_ctranslate2(source, out, options.quantization)
    raise ConversionError(
        f"{source}: cannot be exported to {options.to}; give a run, a model or a Transformers directory"
    )


def copied(source: Path, out: Path) -> Path:
    """Copies the float32 weights that a run kept; writes to a temporary folder and renames it."""
    with storage_errors(f"the model {out}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
            shutil.copytree(source, Path(temporary, "copy")).rename(out)
    return out


def requantized(source: Path, out: Path, quantization: str) -> Path:
    """Converts a model directory to another quantization, with its qal.json."""
    from qal.export.from_ctranslate2 import to_transformers
    from qal.export.to_ctranslate2 import to_ctranslate2

    with storage_errors(f"the model {out}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
            made = to_ctranslate2(
                to_transformers(source, Path(temporary, "transformers")), Path(temporary, "model"), quantization
            )
            if (source / METADATA_FILE).exists():
                shutil.copyfile(source / METADATA_FILE, made / METADATA_FILE)
            made.rename(out)
    return out


def shipped(name: str, options: ExportOptions) -> Path:
    if options.to != "ctranslate2" or options.out:
        raise OptionError("a shipped adapter is merged into the model cache: use --to ctranslate2 without --out")
    return install_shipped(name)
