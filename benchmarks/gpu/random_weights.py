"""Whisper models with random weights: their speed and memory are those of trained weights of the same shape."""

from functools import cached_property
from pathlib import Path
from typing import Any

import ctranslate2
import torch
from ctranslate2.converters.transformers import WhisperLoader
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from transformers import WhisperConfig, WhisperForConditionalGeneration

from qal.audio.samples import WINDOW_S
from qal.engine.decoding import TIMESTAMPS_PER_SECOND
from qal.engine.languages import LANGUAGES
from qal.engine.model_directory import ContextAbility, ModelMetadata, write_metadata
from qal.engine.weights.stock_models import LANGUAGE_COUNT_V3, STOCK_MODELS

END = 50257  # id of <|endoftext|>; smaller ids are text
AFTER_LANGUAGES = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
STANDARD_DEVIATION = 0.02  # of the weights, as Transformers initialises them


def vocabulary(size: str) -> list[str]:
    """Returns all tokens of a multilingual model by id; the text tokens are numbers."""
    languages = list(LANGUAGES)[: STOCK_MODELS[size].languages]
    special = ["endoftext", "startoftranscript", *languages, *AFTER_LANGUAGES]
    times = [f"{i / TIMESTAMPS_PER_SECOND:.2f}" for i in range(WINDOW_S * TIMESTAMPS_PER_SECOND + 1)]
    return [*(f" t{i}" for i in range(END)), *(f"<|{name}|>" for name in [*special, *times])]


def mel_bins(size: str) -> int:
    return 128 if STOCK_MODELS[size].languages == LANGUAGE_COUNT_V3 else 80


def random_whisper(size: str, device: str) -> WhisperForConditionalGeneration:
    """Makes a model of a size in float32; its norms and biases are random, too."""
    shape = STOCK_MODELS[size]
    config = WhisperConfig(
        vocab_size=len(vocabulary(size)),
        num_mel_bins=mel_bins(size),
        d_model=shape.width,
        encoder_layers=shape.encoder_layers,
        decoder_layers=shape.decoder_layers,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=4 * shape.width,
        decoder_ffn_dim=4 * shape.width,
        bos_token_id=END,
        eos_token_id=END,
        pad_token_id=END,
        decoder_start_token_id=END + 1,
    )
    with torch.device("meta"):  # Transformers' own initialisation takes many times as long
        model = WhisperForConditionalGeneration(config)
    model = model.to_empty(device=device)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, STANDARD_DEVIATION)
    model.tie_weights()
    return model


def save_random_model(size: str, folder: Path, device: str) -> Path:
    """Writes a model directory with float16 weights that allow adaptive context."""
    model: Any = random_whisper(size, device)
    model = model.to("cpu").eval()
    spec = WhisperLoader().get_model_spec(model)
    tokens = vocabulary(size)
    spec.register_vocabulary(tokens)
    settings: Any = spec.config
    settings.suppress_ids, settings.suppress_ids_begin, settings.alignment_heads = [], [], [[0, 0]]
    settings.lang_ids = list(range(END + 2, END + 2 + STOCK_MODELS[size].languages))
    spec.validate()
    spec.optimize(quantization="float16")
    folder.mkdir(parents=True)
    spec.save(str(folder))
    save_tokenizer(tokens, folder / "tokenizer.json")
    write_metadata(folder, ModelMetadata(base_model=size, context=ContextAbility(adaptive=True)))
    return folder


def save_tokenizer(tokens: list[str], path: Path) -> None:
    """Writes a tokenizer of whole words that has Whisper's special tokens at their ids."""
    tokenizer = Tokenizer(WordLevel({token: i for i, token in enumerate(tokens)}, unk_token=tokens[0]))
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in tokens[END:]])
    tokenizer.save(str(path))


class RandomModels:
    """Model directories with random weights, each made when it is first used."""

    def __init__(self, folder: Path, device: str):
        self._folder, self._device = folder, device

    def directory(self, size: str) -> Path:
        folder = self._folder / size
        return folder if folder.is_dir() else save_random_model(size, folder, self._device)


class RandomModel:
    """A loaded model with random weights that generates a given number of tokens."""

    def __init__(self, directory: Path, size: str, device: str, compute_type: str):
        self.n_mels, self._size = mel_bins(size), size
        self._model = ctranslate2.models.Whisper(str(directory), device=device, compute_type=compute_type)

    @cached_property
    def prompt(self) -> list[int]:
        names = ("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>")
        ids = {name: i for i, name in enumerate(vocabulary(self._size))}
        return [ids[name] for name in names]

    def encode(self, mel: ctranslate2.StorageView) -> ctranslate2.StorageView:
        return self._model.encode(mel)

    def generate(self, encoded: ctranslate2.StorageView, batch: int, tokens: int) -> list[int]:
        """Decodes greedily, as qal.engine.engine does; returns the number of tokens of each text."""
        results = self._model.generate(
            encoded,
            [self.prompt] * batch,
            beam_size=1,
            max_length=2 * tokens,  # CTranslate2 uses half of it for the text
            suppress_blank=False,
            suppress_tokens=[END],
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [len(result.sequences_ids[0]) for result in results]
