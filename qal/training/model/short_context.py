"""Transformers' Whisper with contexts shorter than 30 s.

The stock encoder accepts only 3000 frames, although its layers work with fewer. At 3000 frames the result equals
the stock encoder's."""

import json
import types
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import WhisperForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput

from qal.engine.decoding import GREEDY
from qal.errors import ModelError


def load_whisper(directory: Path) -> WhisperForConditionalGeneration:
    """Loads float32 weights; the encoder accepts any even number of frames up to 3000."""
    try:
        model = WhisperForConditionalGeneration.from_pretrained(directory, dtype=torch.float32)
    except (OSError, ValueError, KeyError, json.JSONDecodeError) as error:
        raise ModelError(
            f"{directory}: not readable as Whisper weights of Transformers; download the model again"
        ) from error
    return allow_short_contexts(model)


def allow_short_contexts(model: WhisperForConditionalGeneration) -> WhisperForConditionalGeneration:
    """Replaces the encoder's forward method by one without the check for 3000 frames."""
    encoder = model.model.encoder
    encoder.forward = types.MethodType(_encode_any_length, encoder)
    return model


def _encode_any_length(self, input_features: Tensor, attention_mask: Tensor | None = None, **_) -> BaseModelOutput:
    """(batch, n_mels, frames) -> (batch, frames // 2, d_model), with the first positions of the 30 s embedding."""
    hidden = nn.functional.gelu(self.conv1(input_features))
    hidden = nn.functional.gelu(self.conv2(hidden)).permute(0, 2, 1)
    hidden = hidden + self.embed_positions.weight[: hidden.shape[1]]
    hidden = nn.functional.dropout(hidden, p=self.dropout, training=self.training)
    for layer in self.layers:
        if self.training and self.layerdrop > 0 and torch.rand([]) < self.layerdrop:
            continue
        hidden = layer(hidden, None)
    return BaseModelOutput(last_hidden_state=self.layer_norm(hidden))


@torch.no_grad()
def greedy_decode(
    model: WhisperForConditionalGeneration,
    mel: Tensor,
    prompt: Tensor,
    max_tokens: int = GREEDY.max_tokens,
    encoder_frames: Tensor | None = None,
) -> list[list[int]]:
    """Decodes greedily, as CTranslate2 does with beam_size=1, with the suppressed tokens of the generation config.

    Args:
        model: Whisper.
        mel: (batch, n_mels, frames).
        prompt: (batch, prompt tokens).
        max_tokens: limit of the generated tokens.
        encoder_frames: the encoder's output (batch, frames // 2, d_model), where it is computed already.

    Returns:
        token ids of each text, without prompt and end token."""
    settings = model.generation_config
    end = int(model.config.eos_token_id)  # pyright: ignore[reportArgumentType]
    suppressed = torch.tensor(settings.suppress_tokens or [], dtype=torch.long)
    suppressed_first = torch.tensor(settings.begin_suppress_tokens or [], dtype=torch.long)
    frames = model.model.encoder(mel).last_hidden_state if encoder_frames is None else encoder_frames
    cache, step, texts = None, prompt, torch.empty((len(prompt), 0), dtype=torch.long, device=prompt.device)
    ended = torch.zeros(len(prompt), dtype=torch.bool, device=prompt.device)
    while texts.shape[1] < max_tokens and not ended.all():
        out = model.model.decoder(input_ids=step, encoder_hidden_states=frames, past_key_values=cache, use_cache=True)
        scores = model.proj_out(out.last_hidden_state[:, -1]).float()
        scores[:, suppressed] = -torch.inf
        if texts.shape[1] == 0:
            scores[:, suppressed_first] = -torch.inf
        scores[:, end + 1 :] = -torch.inf  # no special tokens inside the text
        chosen = scores.argmax(-1).masked_fill(ended, end)
        ended |= chosen == end
        cache, step, texts = out.past_key_values, chosen[:, None], torch.cat([texts, chosen[:, None]], 1)
    return [[token for token in text if token != end] for text in texts.tolist()]
