"""Transformers directory -> CTranslate2 model directory, through CTranslate2's own converter."""

import shutil
from pathlib import Path

from ctranslate2.converters import TransformersConverter
from safetensors import SafetensorError

from qal.errors import ConversionError, OptionError
from qal.storage import storage_errors

KEPT_FILES = ["tokenizer.json", "preprocessor_config.json"]
QUANTIZATIONS = ("float32", "float16", "bfloat16", "int8", "int8_float16")


def to_ctranslate2(source: Path, target: Path, quantization: str = "float16") -> Path:
    """Made beside `target` and renamed; `target` then loads in plain faster-whisper."""
    if quantization not in QUANTIZATIONS:
        raise OptionError(f"there is no quantization '{quantization}'; use one of {', '.join(QUANTIZATIONS)}")
    kept = [name for name in KEPT_FILES if (source / name).exists()]
    with storage_errors("the CTranslate2 model"):
        beside = target.with_name(target.name + ".new")
        try:
            TransformersConverter(str(source), copy_files=kept).convert(
                str(beside), quantization=quantization, force=True
            )
        except (ValueError, KeyError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise ConversionError(f"{source}: cannot be converted to CTranslate2 ({error})") from error
        shutil.rmtree(target, ignore_errors=True)
        beside.rename(target)
    return target
