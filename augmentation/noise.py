"""Background sound: recordings of a folder, or several voices at once, mixed at a signal-to-noise ratio."""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augmentation.options import BackgroundOptions
from qal.audio.decode import decode_start
from qal.audio.samples import Samples
from qal.errors import AudioDecodeError, OptionError

AUDIO_SUFFIXES = {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aiff", ".aif", ".wma", ".webm"}
MAX_FILES = 2000  # of a folder, spread over it: each of them is looked at before a run begins
HEARD_S = 60  # of one file: a whole album must not fill the memory
KEPT_FILES = 32  # decoded, the last ones that were heard: at most 120 MB
VOICES = 5  # of a babble; of fewer, single words can be understood
UNREADABLE = "not readable as audio; delete it, or choose another folder of sounds"
SILENCE = 1e-5  # root mean square below which a sound is none


def audio_files(folder: str | Path) -> list[Path]:
    """The sounds of a folder and of the folders in it, in an order that does not depend on the disk.

    Raises OptionError when there is no such folder, it cannot be read or it holds no sound."""
    folder, found = Path(folder), []
    if not os.path.isdir(folder):  # false, too, for a name no disk can hold
        raise OptionError(f"{folder}: there is no such folder of sounds; check the path")
    for path, _, names in os.walk(folder, onerror=_refuse):
        found += [Path(path, name) for name in names if Path(name).suffix.lower() in AUDIO_SUFFIXES]
    if not found:
        raise OptionError(f"{folder}: holds no sound; give a folder of WAV, FLAC, MP3, OGG or similar files")
    found.sort()
    return found if len(found) <= MAX_FILES else [found[i * len(found) // MAX_FILES] for i in range(MAX_FILES)]


def _refuse(error: OSError) -> None:
    raise OptionError(f"{error.filename}: this folder of sounds cannot be read; check its permissions") from error


def check_folder(folder: str | Path) -> None:
    """Opens every file, so that a run does not fail in its third hour. Raises OptionError that names the first."""
    for path in audio_files(folder):
        try:
            decode_start(path, 0.1)
        except AudioDecodeError as error:
            raise OptionError(f"{path}: {UNREADABLE}") from error


@lru_cache(KEPT_FILES)
def first_minute(path: Path) -> Samples:
    """Of a file in a folder of sounds. Raises OptionError: it is the folder that must be mended, not the corpus."""
    try:
        return decode_start(path, HEARD_S)
    except AudioDecodeError as error:
        raise OptionError(f"{path}: {UNREADABLE}") from error


def excerpt(samples: Samples, n: int, rng: np.random.Generator) -> Samples:
    """n samples from a random place on; what is too short begins again."""
    start = int(rng.integers(max(1, len(samples) - n + 1)))
    return np.resize(samples[start : start + n], n)


def babble(voices: Sequence[Path], n: int, rng: np.random.Generator) -> Samples:
    """VOICES at once, equally loud."""
    parts = [excerpt(_voice(voices[i]), n, rng) for i in rng.integers(0, len(voices), VOICES)]
    return np.stack([p / max(rms(p), SILENCE) for p in parts]).sum(axis=0).astype(np.float32)


def _voice(path: Path) -> Samples:
    """A row that cannot be heard is silent here; the batch that it belongs to reports it."""
    try:
        return first_minute(path)
    except OptionError:
        return np.zeros(1, np.float32)


def mixed(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """Sum of two sounds of one length, the second scaled to the ratio; the first alone where one is silent."""
    if min(rms(samples), rms(noise)) < SILENCE:
        return samples
    return (samples + noise * (rms(samples) / rms(noise) * 10 ** (-snr_db / 20))).astype(np.float32)


def rms(samples: NDArray[np.floating]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


class Background:
    """Adds a sound of the folder, or babble."""

    def __init__(self, options: BackgroundOptions, voices: Sequence[Path]):
        self.options, self.voices = options, voices
        self.files = audio_files(options.folder) if options.folder is not None else []
        if not self.files and not voices:
            raise OptionError("background noise needs a folder of sounds; set augmentation.background.folder")

    def __call__(self, samples: Samples, rng: np.random.Generator) -> Samples:
        talk = rng.random() < self.options.babble_share
        if self.voices and (talk or not self.files):
            noise = babble(self.voices, len(samples), rng)
        else:
            noise = excerpt(first_minute(self.files[rng.integers(len(self.files))]), len(samples), rng)
        return mixed(samples, noise, rng.uniform(self.options.min_snr_db, self.options.max_snr_db))
