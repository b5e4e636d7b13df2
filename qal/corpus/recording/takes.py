"""Checks and trims the recording of a sentence: what must be recorded again, and what the speaker should know.

samples ─► checked_take ─┬─► CorpusError: not stored; empty, silent, too long, far too short for its sentence
                         └─► Take: without the silence at its ends; warnings: quiet, clipped, noisy, cut off"""

from dataclasses import dataclass

from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.audio.sound_check import is_silent
from qal.corpus.quality.audio_measures import measure_samples
from qal.corpus.quality.measures import AudioMeasures
from qal.errors import CorpusError

MAX_SENTENCE_CHARACTERS = 220
MAX_TAKE_S = 30.0  # of the recording with the silence at its ends; Whisper's window
MIN_TAKE_S = 0.3
MARGIN_S = 0.3  # of silence that is kept at both ends
MIN_LOUDNESS_LUFS = -38.0
MAX_CLIPPED_SHARE = 0.001
MIN_SNR_DB = 12.0
MIN_LEAD_S = 0.06  # of silence before the first word; less of it may be a word without its start
MAX_CHARACTERS_PER_S = 40.0  # far above the fastest speech in any script

QUIET = "The recording is quiet. Come closer to the microphone, or raise its level, and record it again."
CLIPPED = "The recording is too loud and clipped. Move away from the microphone and record it again."
NOISY = "There is much noise. Turn off fans and close windows, or move to another room."
CUT_OFF_START = "The first word may be cut off. Wait a moment before you speak."
CUT_OFF_END = "The last word may be cut off. Wait a moment before you stop."


@dataclass(frozen=True)
class Take:
    """A recording of one sentence that can be stored."""

    samples: Samples
    warnings: tuple[str, ...]  # whole sentences, the most important first


def checked_take(samples: Samples, text: str) -> Take:
    """Checks a recording, (n,) at 16 kHz, of a sentence and removes most of the silence at its ends.

    Raises CorpusError if it has to be recorded again."""
    duration_s = seconds(samples)
    if duration_s < MIN_TAKE_S:
        raise CorpusError("the recording is empty; press Record, read the sentence, then press Stop")
    if duration_s > MAX_TAKE_S:
        raise CorpusError(f"the recording is longer than {MAX_TAKE_S:g} s; read only this sentence, then press Stop")
    if is_silent(samples):
        raise CorpusError("the microphone sends silence; choose another one, or switch it on")
    measures = measure_samples(samples, sha256="")
    if measures.lead_s is None or measures.tail_s is None:
        raise CorpusError("no speech was heard; speak louder or choose another microphone, then record it again")
    speech_s = duration_s - measures.lead_s - measures.tail_s
    if len(text) > MAX_CHARACTERS_PER_S * speech_s:
        raise CorpusError(f"only {speech_s:.1f} s of speech were heard; read the whole sentence, then press Stop")
    start = max(0.0, measures.lead_s - MARGIN_S)
    end = duration_s - max(0.0, measures.tail_s - MARGIN_S)
    trimmed = samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    return Take(trimmed, tuple(_warnings(measures)))


def _warnings(measures: AudioMeasures) -> list[str]:
    found = {
        CLIPPED: (measures.clipped_share or 0) > MAX_CLIPPED_SHARE,
        QUIET: measures.loudness_lufs is not None and measures.loudness_lufs < MIN_LOUDNESS_LUFS,
        NOISY: measures.snr_db is not None and measures.snr_db < MIN_SNR_DB,
        CUT_OFF_START: (measures.lead_s or 0) < MIN_LEAD_S,
        CUT_OFF_END: (measures.tail_s or 0) < MIN_LEAD_S,
    }
    return [sentence for sentence, is_true in found.items() if is_true]
