"""Cross-attention weights, with a tiny random Whisper."""

import pytest
import torch
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

from qal.training.model.short_context import allow_short_contexts
from qal.training.report.attention import alignment_heads, cross_attention


@pytest.fixture(scope="module")
def model() -> WhisperForConditionalGeneration:
    torch.manual_seed(0)
    sizes = {f"{side}_{name}": 2 for side in ("encoder", "decoder") for name in ("layers", "attention_heads")}
    config = WhisperConfig(vocab_size=60, d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16, **sizes)
    config.pad_token_id = config.bos_token_id = config.eos_token_id = config.decoder_start_token_id = 0
    return allow_short_contexts(WhisperForConditionalGeneration(config))


def test_attention_of_each_token_is_a_distribution_over_the_positions(model):
    weights = cross_attention(model, torch.randn(80, 200), [1, 2, 3], [4, 5])
    assert weights.shape == (2, 100)
    assert torch.allclose(weights.sum(1), torch.ones(2))


def test_attention_of_a_token_does_not_depend_on_the_tokens_after_it(model):
    mel = torch.randn(80, 100)
    assert torch.allclose(cross_attention(model, mel, [1], [4, 5])[0], cross_attention(model, mel, [1], [4])[0])


def test_alignment_heads_are_those_of_the_generation_config_or_the_upper_half(model):
    assert alignment_heads(model, 2, 2) == [(1, 0), (1, 1)]
    model.generation_config = GenerationConfig(alignment_heads=[[0, 1]])
    assert alignment_heads(model, 2, 2) == [(0, 1)]
