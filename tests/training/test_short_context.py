"""Whisper with short contexts: equal to the stock encoder at 30 s, fewer frames below."""

import numpy as np
import torch
from transformers import WhisperForConditionalGeneration

from qal.audio.samples import WINDOW_FRAMES
from qal.jobs.options.learning import LoraOptions
from qal.training.model.lora import add_lora, unwrap_whisper
from qal.training.model.short_context import greedy_decode, load_whisper


def test_encoder_at_30_s_equals_the_stock_encoder(tiny_weights):
    mel = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 80, WINDOW_FRAMES)).astype(np.float32))
    stock = WhisperForConditionalGeneration.from_pretrained(tiny_weights).eval()
    with torch.no_grad():
        expected = stock.model.encoder(mel).last_hidden_state
        frames = load_whisper(tiny_weights).eval().model.encoder(mel).last_hidden_state
    assert torch.allclose(frames, expected, atol=1e-5)


def test_encoder_of_a_short_context_gives_half_as_many_frames(tiny_weights):
    model = load_whisper(tiny_weights).eval()
    assert model.model.encoder(torch.zeros(1, 80, 412)).last_hidden_state.shape == (1, 206, 64)


def test_new_lora_adapter_does_not_change_the_prediction(tiny_weights):
    mel, prompt = torch.zeros(1, 80, 200), torch.tensor([[50258, 50259, 50359, 50363]])
    expected = greedy_decode(load_whisper(tiny_weights).eval(), mel, prompt, 5)
    adapted = add_lora(load_whisper(tiny_weights), LoraOptions(dropout=0)).eval()
    assert greedy_decode(unwrap_whisper(adapted), mel, prompt, 5) == expected
