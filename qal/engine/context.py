"""Adaptive context: the number of log-mel frames to encode.

Whisper pads every utterance to 30 s, so that its encoder takes as long for one word as for 30 s of speech. Weights that
were trained on short contexts need only the speech and a margin of silence."""

import math

from qal.audio.samples import FRAMES_PER_SECOND, HOP, SAMPLE_RATE, WINDOW_FRAMES, WINDOW_SAMPLES
from qal.engine.model_directory import ContextAbility

CONV_STRIDE = 2  # the encoder halves the number of frames, which must therefore be even
GRID_S = 2  # lengths of utterances that are encoded alike are rounded up to a multiple of this


def context_frames(n_samples: int, ability: ContextAbility) -> int:
    """Returns the frames to encode for n_samples: speech + margin_s, at least min_s, at most 30 s."""
    if not ability.adaptive:
        return WINDOW_FRAMES
    speech_frames = math.ceil(n_samples / HOP)
    frames = max(speech_frames + ability.margin_s * FRAMES_PER_SECOND, ability.min_s * FRAMES_PER_SECOND)
    return min(WINDOW_FRAMES, math.ceil(frames / CONV_STRIDE) * CONV_STRIDE)


def grid_samples(n_samples: int) -> int:
    """Rounds the length of an utterance up, at most to 30 s, so that utterances of like length are encoded alike."""
    grid = GRID_S * SAMPLE_RATE
    return max(n_samples, min(WINDOW_SAMPLES, math.ceil(n_samples / grid) * grid))
