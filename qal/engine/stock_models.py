"""What is published of the stock models: how large they are, what they hear, on what terms.

Radford et al. 2022, table 1 (tiny to large); the README and model cards of openai/whisper (large-v3 and turbo) and of
Distil-Whisper (Gandhi et al. 2023)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dimensions:
    """Of one Whisper."""

    encoder_layers: int
    decoder_layers: int
    width: int
    heads: int
    parameters: int
    languages: int  # 1: English alone

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return self.encoder_layers, self.decoder_layers, self.width, self.heads


LANGUAGES, LANGUAGES_V3 = 99, 100  # of the multilingual vocabularies
MILLION = 1_000_000
SIZES = {  # layers, width, heads, million parameters
    "tiny": (4, 384, 6, 39),
    "base": (6, 512, 8, 74),
    "small": (12, 768, 12, 244),
    "medium": (24, 1024, 16, 769),
    "large": (32, 1280, 20, 1550),
}


def _stock(size: str, languages: int = LANGUAGES) -> Dimensions:
    layers, width, heads, millions = SIZES[size]
    return Dimensions(layers, layers, width, heads, millions * MILLION, languages)


def _pruned(size: str, decoder_layers: int, millions: int, languages: int = 1) -> Dimensions:
    """The encoder of a stock model with fewer layers in the decoder."""
    layers, width, heads, _ = SIZES[size]
    return Dimensions(layers, decoder_layers, width, heads, millions * MILLION, languages)


PUBLISHED = {
    **{size: _stock(size) for size in ("tiny", "base", "small", "medium")},
    **{f"{size}.en": _stock(size, languages=1) for size in ("tiny", "base", "small", "medium")},
    **{f"large-{version}": _stock("large") for version in ("v1", "v2")},
    "large-v3": _stock("large", LANGUAGES_V3),
    "large-v3-turbo": _pruned("large", 4, 809, LANGUAGES_V3),
    "distil-small.en": _pruned("small", 4, 166),
    "distil-medium.en": _pruned("medium", 2, 394),
    **{f"distil-large-{version}": _pruned("large", 2, 756) for version in ("v2", "v3", "v3.5")},
}
MODEL_OF_SHAPE = {found.shape: found for found in PUBLISHED.values()}
LICENCES = {
    "distil": "Weights: MIT, by the authors of Distil-Whisper.",
    "whisper": "Weights: MIT, by OpenAI.",
}


def licence_of(name: str) -> str | None:
    """Of a stock model's weights, in a sentence; None for a name that is none."""
    if name not in PUBLISHED:
        return None
    return LICENCES["distil" if name.startswith("distil-") else "whisper"]
