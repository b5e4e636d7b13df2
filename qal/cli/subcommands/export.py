"""qal export SOURCE --to FORMAT: a model in another format.

SOURCE is a shipped adapter (adapters/base-adaptive: merged, converted and put into the model cache), a run's
folder, a Transformers directory or a model directory."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from qal.cli.command import interrupt_on_sigterm
from qal.cli.parsing import flag, parse_options, positional
from qal.cli.quiet import quiet_transformers
from qal.cli.subcommands.models import install_shipped
from qal.engine.model_directory import METADATA_FILE, is_model_directory, read_metadata
from qal.errors import ConversionError, OptionError
from qal.evaluation.model_readme import README_FILE
from qal.export.card import write_card
from qal.hub_connection import push_folder, require_login
from qal.resources import ADAPTERS
from qal.storage import storage_errors

KEPT = "transformers"  # the folder of a run that holds its float32 weights, if its options keep them
ADAPTER = Path("checkpoints", "adapter")  # in a run's folder
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
ABOUT = (
    "Converts a model to another format. ctranslate2: for Qal and faster-whisper; transformers: merged weights; "
    "adapter: the adapter of a run alone; onnx: an encoder for any context and a decoder; ggml: for whisper.cpp."
)


class ExportOptions(BaseModel, frozen=True):
    source: Path = positional("shipped adapter, run, Transformers or model directory", "SOURCE")
    to: Literal["ctranslate2", "transformers", "adapter", "onnx", "ggml"] = flag(..., "format to make")
    out: Path | None = flag(None, "folder to make; needed unless SOURCE is a shipped adapter", "DIR")
    quantization: str = flag(
        "float16",
        "CTranslate2 weights: float32, float16, bfloat16, int8 or int8_float16; GGML weights: float16, q8_0 or q5_0",
        "TYPE",
    )
    push: str | None = flag(None, "also upload it to the Hugging Face hub, with its card", "OWNER/NAME")
    public: bool = flag(False, "everybody may see the uploaded model; otherwise a new one is private")


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal export", ABOUT, ExportOptions, arguments)
    interrupt_on_sigterm()  # an unfinished folder is removed
    quiet_transformers()
    if options.push:
        require_login()
    made = export(options)
    print(made)
    if options.push:
        model = options.source / "model" if is_model_directory(options.source / "model") else options.source
        write_card(made, options.to, read_metadata(model), model / README_FILE)
        print(push_folder(made, options.push, "model", private=not options.public))


def export(options: ExportOptions) -> Path:
    """Makes the format and returns its folder. Raises OptionError, ConversionError, ModelError or StorageError."""
    source, out = options.source, options.out
    if source.resolve().parent == ADAPTERS.resolve():
        return shipped(source.resolve().name, options)
    if out is None:
        raise OptionError("say where to: --out FOLDER")
    if out.exists():
        raise OptionError(f"{out}: exists already; choose another --out")
    if options.to == "adapter":
        return copied_adapter(source, out)
    if options.to == "transformers" and (source / KEPT / "config.json").exists():
        return copied(source / KEPT, out)
    if options.to in ("onnx", "ggml"):
        return converted(source, out, options.to, options.quantization)
    return between_engines(source / "model" if is_model_directory(source / "model") else source, options, out)


def between_engines(source: Path, options: ExportOptions, out: Path) -> Path:
    """Converts between the formats of Transformers and CTranslate2."""
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


def converted(source: Path, out: Path, kind: str, quantization: str) -> Path:
    """Converts a model of any source to ONNX or to whisper.cpp's format; `quantization` is of the latter."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with transformers_weights(source, out.parent) as weights:
        model = source / "model" if is_model_directory(source / "model") else source
        if kind == "ggml":
            from qal.export.to_ggml import to_ggml

            return to_ggml(weights, out, model, quantization)
        from qal.export.to_onnx import to_onnx
        from qal.training.model.short_context import load_whisper

        made = to_onnx(weights, out, load_whisper)
        if (model / METADATA_FILE).exists():
            shutil.copyfile(model / METADATA_FILE, made / METADATA_FILE)
        return made


@contextmanager
def transformers_weights(source: Path, near: Path) -> Iterator[Path]:
    """Gives the weights of a run, a Transformers or a model directory as a Transformers directory.

    Args:
        source: where they are.
        near: a folder for temporary files."""
    for folder in (source / KEPT, source):
        if (folder / "model.safetensors").exists() or (folder / "model.safetensors.index.json").exists():
            yield folder
            return
    model = source / "model" if is_model_directory(source / "model") else source
    if not is_model_directory(model):
        raise ConversionError(f"{source}: has no model; give a run, a model or a Transformers directory")
    from qal.export.from_ctranslate2 import to_transformers

    with storage_errors(f"the weights of {source}"), tempfile.TemporaryDirectory(dir=near) as temporary:
        yield to_transformers(model, Path(temporary, "transformers"))


def copied_adapter(source: Path, out: Path) -> Path:
    """Copies the adapter that a run trained, for PEFT. Raises ConversionError if it trained none."""
    folder = source / ADAPTER
    if not all((folder / name).is_file() for name in ADAPTER_FILES):
        raise ConversionError(f"{source}: has no adapter; export it with --to transformers or ctranslate2")
    return copied(folder, out)


def copied(source: Path, out: Path) -> Path:
    """Copies a folder of a run; writes to a temporary folder and renames it."""
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
