"""Transformers' Whisper, able to hear contexts other than 30 s.

The stock encoder refuses anything but 3000 frames; its maths does not care. At 3000 frames the
result is the stock encoder's own."""

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
    """Float32 weights with the encoder opened for any even number of frames up to 3000."""
    try:
        model = WhisperForConditionalGeneration.from_pretrained(directory, dtype=torch.float32)
    except (OSError, ValueError, KeyError, json.JSONDecodeError) as error:
        raise ModelError(
            f"{directory}: not readable as Transformers weights of Whisper; fetch the model again"
        ) from error
    return open_encoder(model)


def open_encoder(model: WhisperForConditionalGeneration) -> WhisperForConditionalGeneration:
    encoder = model.model.encoder
    encoder.forward = types.MethodType(_encode_any_length, encoder)
    return model


def _encode_any_length(self, input_features: Tensor, attention_mask: Tensor | None = None, **_) -> BaseModelOutput:
    """(batch, n_mels, frames) -> (batch, frames // 2, d_model); the first positions of the 30 s table are used."""
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
def greedy(
    model: WhisperForConditionalGeneration,
    mel: Tensor,
    prompt: Tensor,
    max_tokens: int = GREEDY.max_tokens,
    frames: Tensor | None = None,
) -> list[list[int]]:
    """The most likely text, token by token, as CTranslate2 decodes with beam_size=1.

    mel (batch, n_mels, frames), prompt (batch, p) -> token ids of each row, without prompt and end.
    The generation config's suppressed tokens are honoured, so that both engines agree. `frames` is the
    encoder's output where the caller has it already."""
    settings = model.generation_config
    end = int(model.config.eos_token_id)  # pyright: ignore[reportArgumentType]
    always = torch.tensor(settings.suppress_tokens or [], dtype=torch.long)
    first = torch.tensor(settings.begin_suppress_tokens or [], dtype=torch.long)
    frames = model.model.encoder(mel).last_hidden_state if frames is None else frames
    cache, step, texts = None, prompt, torch.empty((len(prompt), 0), dtype=torch.long, device=prompt.device)
    ended = torch.zeros(len(prompt), dtype=torch.bool, device=prompt.device)
    while texts.shape[1] < max_tokens and not ended.all():
        out = model.model.decoder(input_ids=step, encoder_hidden_states=frames, past_key_values=cache, use_cache=True)
        scores = model.proj_out(out.last_hidden_state[:, -1]).float()
        scores[:, always] = -torch.inf
        if texts.shape[1] == 0:
            scores[:, first] = -torch.inf
        scores[:, end + 1 :] = -torch.inf  # no special tokens inside the text
        chosen = scores.argmax(-1).masked_fill(ended, end)
        ended |= chosen == end
        cache, step, texts = out.past_key_values, chosen[:, None], torch.cat([texts, chosen[:, None]], 1)
    return [[t for t in row if t != end] for row in texts.tolist()]
