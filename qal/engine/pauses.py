"""Places at which an utterance can be cut: its pauses, and the quietest place of its middle."""

import numpy as np

from qal.audio.samples import SAMPLE_RATE, Samples

HOP = SAMPLE_RATE // 100  # between levels
QUIET_S = 0.15  # length of the place whose level is compared
EDGE_DB = 6.0
PAUSE_S = 0.12  # shortest pause between words; the closure of a consonant is shorter
MIN_PIECE_S = 0.4  # between pauses; shorter sound belongs to its neighbour
FLOOR, SPEECH = 5, 90  # percentiles of the levels
QUIET_SHARE = 0.4  # of the way from the floor to the speech, in dB: the level of a pause
MIN_RANGE_DB = 12.0  # from the floor to the speech; with less there is no pause


def quietest_sample(samples: Samples) -> int:
    """Returns the middle of the quietest QUIET_S in the middle half of the samples, (n,).

    A place that is nearer to the middle may be up to EDGE_DB louder."""
    n, width = len(samples), round(QUIET_S * SAMPLE_RATE)
    starts = np.arange(n // 4, 3 * n // 4 - width, HOP)
    level_db = levels_db(samples, starts, width)
    distance = np.abs(starts + width / 2 - n / 2) / (n / 4)  # 0 in the middle, 1 at a quarter
    return int(starts[np.argmin(level_db + EDGE_DB * distance)] + width // 2)


def pause_samples(samples: Samples) -> list[int]:
    """Returns the middle of each pause of PAUSE_S or more between sounds of MIN_PIECE_S or more, in samples, (n,)."""
    starts = np.arange(0, len(samples) - 2 * HOP, HOP)
    if not len(starts):
        return []
    level_db = levels_db(samples, starts, 2 * HOP)
    floor, speech = np.percentile(level_db, [FLOOR, SPEECH])
    if speech - floor < MIN_RANGE_DB:
        return []
    is_sound = np.flatnonzero(level_db > floor + QUIET_SHARE * (speech - floor))
    gaps = np.flatnonzero(np.diff(is_sound) * HOP >= PAUSE_S * SAMPLE_RATE)
    cuts, piece_start = [], is_sound[0]
    for gap in gaps:
        before, after = is_sound[gap], is_sound[gap + 1]
        if (before - piece_start) * HOP >= MIN_PIECE_S * SAMPLE_RATE:
            cuts.append(int((before + after) // 2 * HOP))
            piece_start = after
    is_last_short = cuts and (is_sound[-1] - piece_start) * HOP < MIN_PIECE_S * SAMPLE_RATE
    return cuts[:-1] if is_last_short else cuts


def levels_db(samples: Samples, starts: np.ndarray, width: int) -> np.ndarray:
    """Returns the level of `width` samples from each start."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    return 10 * np.log10((energy[starts + width] - energy[starts]) / width + 1e-10)
