"""A tiny random Whisper with the real vocabulary, and a tiny corpus, so that a training job takes seconds."""

import hashlib
import wave
from pathlib import Path

import numpy as np
import torch
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

from qal.audio.samples import SAMPLE_RATE
from qal.corpus.manifest import Corpus, Origin, Row, write_corpus
from qal.engine.decoding import Tokenizer

WORDS = ["alpha", "bravo", "charlie", "delta"]


def make_tiny_weights(base_directory: Path, folder: Path) -> Path:
    """Writes a Transformers directory: 2 + 2 layers of width 64, random weights, the tokenizer of whisper base."""
    tokenizer = Tokenizer(base_directory)
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=51865,
            d_model=64,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=128,
            decoder_ffn_dim=128,
            bos_token_id=tokenizer.end,
            eos_token_id=tokenizer.end,
            pad_token_id=tokenizer.end,
            decoder_start_token_id=tokenizer.start,
        )
    )
    model.generation_config = GenerationConfig(
        suppress_tokens=[],
        begin_suppress_tokens=[tokenizer.end],
        alignment_heads=[[1, 0]],
        is_multilingual=True,
        lang_to_id={f"<|{code}|>": tokenizer.id(f"<|{code}|>") for code in tokenizer.languages},
    )
    model.generation_config._from_model_config = False
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((base_directory / "tokenizer.json").read_bytes())
    (folder / "preprocessor_config.json").write_text('{"feature_size": 80}')
    return folder


def make_tones(folder: Path) -> Corpus:
    """Writes a corpus of one tone per word of WORDS in every split."""
    rows = []
    for split in ("train", "validation", "test"):
        for i, word in enumerate(WORDS):
            audio = folder / "audio" / f"{split}-{word}.wav"
            audio.parent.mkdir(parents=True, exist_ok=True)
            _write_tone(audio, 200 * (i + 1))
            sha256 = hashlib.sha256(audio.read_bytes()).hexdigest()
            path = str(audio.relative_to(folder))
            rows.append(Row(audio=path, text=word, language="en", duration_s=1.0, split=split, sha256=sha256))
    return write_corpus(folder, Origin(name="tones", licence="CC0"), rows)


def _write_tone(path: Path, frequency_hz: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((tone * 32767).astype("<i2").tobytes())
