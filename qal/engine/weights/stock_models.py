"""Published facts about the stock models: dimensions, number of languages and licence.

Sources: Radford et al. 2022, table 1 (tiny to large); the README and model cards of openai/whisper (large-v3 and
turbo) and of Distil-Whisper (Gandhi et al. 2023)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelDimensions:
    """Dimensions of a Whisper model."""

    encoder_layers: int
    decoder_layers: int
    width: int
    heads: int
    parameters: int
    languages: int  # 1: English only

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(encoder layers, decoder layers, width, heads)"""
        return self.encoder_layers, self.decoder_layers, self.width, self.heads


LANGUAGE_COUNT, LANGUAGE_COUNT_V3 = 99, 100  # of the multilingual vocabularies
MILLION = 1_000_000
SIZES = {  # layers, width, heads, million parameters
    "tiny": (4, 384, 6, 39),
    "base": (6, 512, 8, 74),
    "small": (12, 768, 12, 244),
    "medium": (24, 1024, 16, 769),
    "large": (32, 1280, 20, 1550),
}


def _openai(size: str, languages: int = LANGUAGE_COUNT) -> ModelDimensions:
    """Returns the dimensions of an OpenAI model, whose encoder and decoder have the same number of layers."""
    layers, width, heads, millions = SIZES[size]
    return ModelDimensions(layers, layers, width, heads, millions * MILLION, languages)


def _pruned(size: str, decoder_layers: int, millions: int, languages: int = 1) -> ModelDimensions:
    """Returns the dimensions of a model with the encoder of `size` and fewer decoder layers."""
    layers, width, heads, _ = SIZES[size]
    return ModelDimensions(layers, decoder_layers, width, heads, millions * MILLION, languages)


STOCK_MODELS = {
    **{size: _openai(size) for size in ("tiny", "base", "small", "medium")},
    **{f"{size}.en": _openai(size, languages=1) for size in ("tiny", "base", "small", "medium")},
    **{f"large-{version}": _openai("large") for version in ("v1", "v2")},
    "large-v3": _openai("large", LANGUAGE_COUNT_V3),
    "large-v3-turbo": _pruned("large", 4, 809, LANGUAGE_COUNT_V3),
    "distil-small.en": _pruned("small", 4, 166),
    "distil-medium.en": _pruned("medium", 2, 394),
    **{f"distil-large-{version}": _pruned("large", 2, 756) for version in ("v2", "v3", "v3.5")},
}
STOCK_MODEL_BY_SHAPE = {dimensions.shape: dimensions for dimensions in STOCK_MODELS.values()}
WHISPER_LICENCE = "Weights: MIT, by OpenAI."
DISTIL_WHISPER_LICENCE = "Weights: MIT, by the authors of Distil-Whisper."


def stock_licence(name: str) -> str | None:
    """Returns the licence of a stock model's weights as a sentence; None for any other name."""
    if name not in STOCK_MODELS:
        return None
    return DISTIL_WHISPER_LICENCE if name.startswith("distil-") else WHISPER_LICENCE
