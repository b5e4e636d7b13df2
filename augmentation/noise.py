"""Background noise: recordings from a folder, or babble of several voices, mixed at a signal-to-noise ratio."""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augmentation.options import BackgroundOptions
from qal.audio.decode import AUDIO_SUFFIXES, decode_start
from qal.audio.samples import Samples
from qal.errors import AudioDecodeError, OptionError

MAX_FILES = 2000  # of a folder, evenly spaced; each is opened before a run starts
MAX_CLIP_S = 60  # read from one file, to bound the memory
CACHED_CLIPS = 32  # decoded clips in memory, at most 120 MB
BABBLE_VOICES = 5  # with fewer, single words can be understood
UNREADABLE = "not readable as audio; delete it, or choose another folder of sounds"
SILENCE_RMS = 1e-5  # samples below are silent


def list_audio_files(folder: str | Path) -> list[Path]:
    """Lists the audio files of a folder and its subfolders, sorted; at most MAX_FILES, evenly spaced.

    Raises OptionError if the folder is missing, cannot be read or holds no audio."""
    folder, paths = Path(folder), []
    if not os.path.isdir(folder):  # also false for names that no file system allows
        raise OptionError(f"{folder}: there is no such folder of sounds; check the path")
    for parent, _, names in os.walk(folder, onerror=_raise_unreadable_folder):
        paths += [Path(parent, name) for name in names if Path(name).suffix.lower() in AUDIO_SUFFIXES]
    if not paths:
        raise OptionError(f"{folder}: holds no audio; give a folder of WAV, FLAC, MP3, OGG or similar files")
    paths.sort()
    if len(paths) <= MAX_FILES:
        return paths
    return [paths[i * len(paths) // MAX_FILES] for i in range(MAX_FILES)]


def _raise_unreadable_folder(error: OSError) -> None:
    raise OptionError(f"{error.filename}: this folder of sounds cannot be read; check its permissions") from error


def check_audio_folder(folder: str | Path) -> None:
    """Opens every audio file of a folder, so that a run does not fail hours after its start.

    Raises OptionError, which names the first unreadable file."""
    for path in list_audio_files(folder):
        try:
            decode_start(path, 0.1)
        except AudioDecodeError as error:
            raise OptionError(f"{path}: {UNREADABLE}") from error


@lru_cache(CACHED_CLIPS)
def load_clip(path: Path) -> Samples:
    """Decodes the first MAX_CLIP_S seconds of a file; recent results are cached.

    Raises OptionError, because an unreadable file is a fault of the folder and not of the corpus."""
    try:
        return decode_start(path, MAX_CLIP_S)
    except AudioDecodeError as error:
        raise OptionError(f"{path}: {UNREADABLE}") from error


def random_excerpt(samples: Samples, n: int, rng: np.random.Generator) -> Samples:
    """Returns n samples from a random start; shorter audio is repeated."""
    start = int(rng.integers(max(1, len(samples) - n + 1)))
    return np.resize(samples[start : start + n], n)


def mix_babble(paths: Sequence[Path], n: int, rng: np.random.Generator) -> Samples:
    """Mixes excerpts of BABBLE_VOICES random recordings at equal loudness to (n,)."""
    chosen = rng.integers(0, len(paths), BABBLE_VOICES)
    voices = [random_excerpt(_load_voice(paths[i]), n, rng) for i in chosen]
    return np.stack([voice / max(rms(voice), SILENCE_RMS) for voice in voices]).sum(axis=0).astype(np.float32)


def _load_voice(path: Path) -> Samples:
    """Loads a recording of the corpus. An unreadable one is silent here; its own batch reports it."""
    try:
        return load_clip(path)
    except OptionError:
        return np.zeros(1, np.float32)


def mix_at_snr(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """Adds noise of the same length, scaled to the given ratio: (n,), (n,) -> (n,).

    Returns the samples unchanged if either of the two is silent."""
    if min(rms(samples), rms(noise)) < SILENCE_RMS:
        return samples
    return (samples + noise * (rms(samples) / rms(noise) * 10 ** (-snr_db / 20))).astype(np.float32)


def rms(samples: NDArray[np.floating]) -> float:
    """Returns the root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


class BackgroundNoise:
    """Adds a random recording of the folder, or babble of `babble_paths`, at a random signal-to-noise ratio."""

    def __init__(self, options: BackgroundOptions, babble_paths: Sequence[Path]):
        self.options = options
        self.babble_paths = babble_paths
        self.noise_paths = list_audio_files(options.folder) if options.folder is not None else []
        if not self.noise_paths and not babble_paths:
            raise OptionError("background noise needs a folder of sounds; set augmentation.background.folder")

    def __call__(self, samples: Samples, rng: np.random.Generator) -> Samples:
        prefers_babble = rng.random() < self.options.babble_share
        if self.babble_paths and (prefers_babble or not self.noise_paths):
            noise = mix_babble(self.babble_paths, len(samples), rng)
        else:
            path = self.noise_paths[rng.integers(len(self.noise_paths))]
            noise = random_excerpt(load_clip(path), len(samples), rng)
        return mix_at_snr(samples, noise, rng.uniform(self.options.min_snr_db, self.options.max_snr_db))
