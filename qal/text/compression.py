"""How well a text compresses: repeated text does better than ordinary text."""

import zlib


def compression_ratio(text: str) -> float:
    """Returns the bytes of the text divided by the bytes of its zlib form; ordinary text is below 2."""
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0
