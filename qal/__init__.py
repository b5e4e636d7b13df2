"""Qal: fine-tune Whisper on your own speech, and caption live with what you trained.

    from qal import Captioner, load_engine, transcribe

Each name is imported when it is first used, and none of them imports torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qal.captions.captioner import Captioner
    from qal.engine.interface import load_engine, transcribe

__all__ = ["Captioner", "load_engine", "transcribe"]

_MODULES = {
    "Captioner": "qal.captions.captioner",
    "load_engine": "qal.engine.interface",
    "transcribe": "qal.engine.interface",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'qal' has no attribute '{name}'")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_MODULES]
