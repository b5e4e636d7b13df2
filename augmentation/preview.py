"""What augmentation does to one sound: to hear and to see before a run is begun."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from augmentation.augmenter import Augmenter
from augmentation.options import AugmentationOptions
from qal.audio.blocks import write_wav
from qal.audio.log_mel import LogMel, padded_log_mel
from qal.audio.samples import HOP, WINDOW_FRAMES, Samples

ORIGINAL, TOGETHER = "original", "together"
COLOURS = np.array([(0, 0, 4), (81, 18, 124), (183, 55, 121), (252, 137, 97), (252, 253, 191)])  # from low to high
LEVELS = 2.0  # of Whisper's log-mel, from its floor to its loudest point
PIXELS = 3  # a mel bin's height, and a frame's width
GAP = 6  # pixels between two pictures


@dataclass(frozen=True)
class Altered:
    name: str  # of the transform; ORIGINAL, or TOGETHER for all at once
    samples: Samples
    mel: LogMel  # (n_mels, frames); masked by SpecAugment where all is together


def preview(
    samples: Samples, options: AugmentationOptions, seed: int = 0, voices: Sequence[Path] = ()
) -> list[Altered]:
    """The sound as it is, after each transform that is switched on, and after all of them with the masks.

    Equal seeds give equal sounds. Raises OptionError when a folder of sounds cannot be used."""
    names = [name for name, switch in options.switches.items() if switch.probability]
    found = [Altered(ORIGINAL, samples, _mel(samples))]
    for name in names:
        altered = Augmenter(options.certainly(name), voices).waveform(samples, np.random.default_rng(seed))
        found.append(Altered(name, altered, _mel(altered)))
    rng, all_of_it = np.random.default_rng(seed), Augmenter(options.certainly(*names), voices)
    altered = all_of_it.waveform(samples, rng)
    return [*found, Altered(TOGETHER, altered, all_of_it.mel(_mel(altered), rng, len(altered)))]


def draw(
    samples: Samples, options: AugmentationOptions, seed: int, voices: Sequence[Path] = ()
) -> tuple[Samples, list[str]]:
    """The sound as training would hear it once, and the names of the transforms that were applied this time.

    Equal seeds give equal draws. Raises OptionError when a folder of sounds cannot be used."""
    augmenter = Augmenter(options, voices)
    altered = augmenter.waveform(samples, np.random.default_rng(seed))
    return altered, [] if altered is samples else augmenter.applied()


def _mel(samples: Samples) -> LogMel:
    return padded_log_mel(samples, min(WINDOW_FRAMES, -(-len(samples) // HOP)))


def write_preview(found: Sequence[Altered], folder: Path) -> list[Path]:
    """A WAV each, and a picture of each but the first: the log-mel before above the log-mel after."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i, altered in enumerate(found):
        path = folder / f"{i:02}-{altered.name}.wav"
        write_wav(path, altered.samples)
        paths.append(path)
        if i:
            paths.append(path.with_suffix(".png"))
            paths[-1].write_bytes(png(picture(found[0].mel, altered.mel)))
    return paths


def picture(before: LogMel, after: LogMel) -> NDArray[np.uint8]:
    """(height, width, 3): one log-mel above the other, low tones below, each as bright as it is loud."""
    rows, width = [], max(before.shape[1], after.shape[1])
    for mel in (before, after):
        brightness = np.clip(1 - (mel.max() - mel[::-1]) / LEVELS, 0, 1)
        coloured = np.stack([np.interp(brightness * (len(COLOURS) - 1), range(len(COLOURS)), c) for c in COLOURS.T], -1)
        rows += [np.pad(coloured, ((0, 0), (0, width - mel.shape[1]), (0, 0))), np.full((GAP // PIXELS, width, 3), 255)]
    return np.vstack(rows[:-1]).astype(np.uint8).repeat(PIXELS, 0).repeat(PIXELS, 1)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """(height, width, 3) -> the bytes of a PNG file."""
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = pixels.shape[:2]
    encoder.pix_fmt, encoder.framerate = "rgb24", Fraction(1)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
