import numpy as np
import torch
from transformers import WhisperForConditionalGeneration

from qal.jobs.options.learning import LoraOptions
from qal.training.model.lora import add_lora, unwrapped
from qal.training.model.short_context import greedy, load_whisper


def test_at_30_s_the_encoder_is_the_stock_one(tiny_weights):
    mel = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 80, 3000)).astype(np.float32))
    stock = WhisperForConditionalGeneration.from_pretrained(tiny_weights).eval()
    with torch.no_grad():
        expected = stock.model.encoder(mel).last_hidden_state
        found = load_whisper(tiny_weights).eval().model.encoder(mel).last_hidden_state
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_short_context_gives_half_as_many_frames(tiny_weights):
    model = load_whisper(tiny_weights).eval()
    assert model.model.encoder(torch.zeros(1, 80, 412)).last_hidden_state.shape == (1, 206, 64)


def test_a_new_adapter_changes_nothing(tiny_weights):
    mel, prompt = torch.zeros(1, 80, 200), torch.tensor([[50258, 50259, 50359, 50363]])
    plain = greedy(load_whisper(tiny_weights).eval(), mel, prompt, 5)
    adapted = add_lora(load_whisper(tiny_weights), LoraOptions(dropout=0)).eval()
    assert greedy(unwrapped(adapted), mel, prompt, 5) == plain
