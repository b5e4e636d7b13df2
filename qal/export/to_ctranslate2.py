"""Converts a Transformers directory to a CTranslate2 model directory with CTranslate2's own converter."""

import shutil
from pathlib import Path

from ctranslate2.converters import TransformersConverter
from safetensors import SafetensorError

from qal.errors import ConversionError, OptionError
from qal.storage import storage_errors

COPIED_FILES = ("tokenizer.json", "preprocessor_config.json")  # as they are, in every conversion
QUANTIZATIONS = ("float32", "float16", "bfloat16", "int8", "int8_float16")


def to_ctranslate2(source: Path, target: Path, quantization: str = "float16") -> Path:
    """Converts `source` to `target`, atomically, and returns `target`; plain faster-whisper can load it.

    Raises:
        OptionError: unknown quantization.
        ConversionError: the source is not a Whisper model or is damaged."""
    if quantization not in QUANTIZATIONS:
        raise OptionError(f"there is no quantization '{quantization}'; use one of {', '.join(QUANTIZATIONS)}")
    copied = [name for name in COPIED_FILES if (source / name).exists()]
    with storage_errors("the CTranslate2 model"):
        partial = target.with_name(target.name + ".new")
        try:
            converter = TransformersConverter(str(source), copy_files=copied)
            converter.convert(str(partial), quantization=quantization, force=True)
        except (ValueError, KeyError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise ConversionError(f"{source}: cannot be converted to CTranslate2 ({error})") from error
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    return target
