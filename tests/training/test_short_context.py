import numpy as np
import torch
from transformers import WhisperForConditionalGeneration

from training import short_context
from training.lora import add_lora, unwrapped
from training.options import LoraOptions
from training.short_context import greedy, load_whisper


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


def encoder_gradients(weights) -> tuple[list[torch.Tensor], int]:
    """Of one batch with dropout, and how many numbers were kept for them."""
    torch.manual_seed(0)
    model = add_lora(load_whisper(weights), LoraOptions(rank=4, dropout=0.1)).train()
    encoder, saved = unwrapped(model).model.encoder, []
    mel = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 80, 400)).astype(np.float32))
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):
        encoder(mel).last_hidden_state.square().mean().backward()
    return [p.grad for p in encoder.parameters() if p.grad is not None], sum(saved)


def test_a_large_batch_learns_the_same_in_less_memory(tiny_weights, monkeypatch):
    gradients, kept = encoder_gradients(tiny_weights)
    monkeypatch.setattr(short_context, "KEPT_POSITIONS", 0)
    again, kept_again = encoder_gradients(tiny_weights)
    assert gradients
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(gradients, again, strict=True))
    assert kept_again < kept / 2
