"""Adaptive context: how many log-mel frames to encode.

Whisper's encoder costs the same for one word as for half a minute, because everything is padded to
30 s. Weights trained on short contexts hear the speech and a margin of silence instead."""

import math

from qal.audio.samples import FRAMES_PER_SECOND, HOP, WINDOW_FRAMES
from qal.engine.model_directory import ContextAbility

CONV_STRIDE = 2  # the encoder halves the frames, so their number is even


def context_frames(n_samples: int, ability: ContextAbility) -> int:
    """Frames to encode for an utterance of n_samples: speech + margin_s, at least min_s, at most 30 s."""
    if not ability.adaptive:
        return WINDOW_FRAMES
    speech = math.ceil(n_samples / HOP)
    wanted = max(speech + ability.margin_s * FRAMES_PER_SECOND, ability.min_s * FRAMES_PER_SECOND)
    return min(WINDOW_FRAMES, math.ceil(wanted / CONV_STRIDE) * CONV_STRIDE)
