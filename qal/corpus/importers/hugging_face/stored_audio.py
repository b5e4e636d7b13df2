"""The Audio feature of `datasets` without its codec: recordings stay as they are stored.

Import it only where `datasets` is needed anyway."""

from typing import Any

from datasets import Audio


class StoredAudio(Audio):
    """An Audio feature that neither decodes nor encodes; `datasets` itself needs torchcodec for both."""

    def encode_example(self, value: Any) -> dict[str, Any]:
        """Returns the bytes or the path of a recording."""
        if isinstance(value, dict):
            return {"bytes": value.get("bytes"), "path": value.get("path")}
        return {"bytes": None, "path": value} if isinstance(value, str) else {"bytes": value, "path": None}
