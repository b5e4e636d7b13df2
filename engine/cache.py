"""Loaded engines, shared by every page, socket and session."""

import threading
from collections import OrderedDict
from pathlib import Path

from engine.catalogue import resolve
from engine.engine import ContextChoice, Engine

MAX_LOADED = 3  # the engine asked for longest ago is let go; a session that uses it still holds it


class Engines:
    """Each model directory is loaded once, by whoever asks first; the others wait for it."""

    def __init__(self, load=Engine):
        self._load = load
        self._loaded: OrderedDict[tuple[Path, float, ContextChoice], Engine] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, model: str, runs: Path, context: ContextChoice = "auto") -> Engine:
        """The engine of a catalogue name, a run's id or a directory; raises ModelError."""
        directory = resolve(model, runs).resolve()
        key = (directory, (directory / "model.bin").stat().st_mtime, context)
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = self._load(directory, context=context)
            self._loaded.move_to_end(key)
            while len(self._loaded) > MAX_LOADED:
                self._loaded.popitem(last=False)
            return self._loaded[key]
