"""Cross-attention weights of Whisper for a given text."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import WhisperForConditionalGeneration


@torch.no_grad()
def cross_attention(
    model: WhisperForConditionalGeneration, mel: Tensor, prompt: Sequence[int], text_ids: Sequence[int]
) -> Tensor:
    """Returns the attention of each token of a text, (tokens, frames // 2), the mean over the alignment heads.

    Args:
        model: Whisper. Without alignment heads in its generation config, all heads of the upper half are used.
        mel: (n_mels, frames).
        prompt: token ids before the text.
        text_ids: token ids of the text, at least one.
    """
    model.set_attn_implementation("eager")  # the others do not compute the weights
    model.eval()
    encoded = model.model.encoder(mel[None]).last_hidden_state
    decoder_ids = torch.tensor([[*prompt, *text_ids]])
    output = model.model.decoder(input_ids=decoder_ids, encoder_hidden_states=encoded, output_attentions=True)
    heads = alignment_heads(model, len(output.cross_attentions), output.cross_attentions[0].shape[1])
    chosen = torch.stack([output.cross_attentions[layer][0, head] for layer, head in heads])
    first = len(prompt) - 1  # the position that predicts the first token of the text
    return chosen.mean(0)[first : first + len(text_ids)]


def alignment_heads(model: WhisperForConditionalGeneration, layers: int, heads: int) -> list[tuple[int, int]]:
    """Returns the heads that follow the audio, (layer, head)."""
    known = getattr(model.generation_config, "alignment_heads", None)
    if known:
        return [(int(layer), int(head)) for layer, head in known]
    return [(layer, head) for layer in range(layers // 2, layers) for head in range(heads)]
