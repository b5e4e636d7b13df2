"""Preview of augmentation on one recording, as WAV files and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from augmentation.augmenter import Augmenter
from augmentation.options import AugmentationOptions
from qal.audio.blocks import write_wav
from qal.audio.log_mel import LogMel, padded_log_mel
from qal.audio.samples import HOP, WINDOW_FRAMES, Samples

ORIGINAL, TOGETHER = "original", "together"  # names of clips, also in file names
COLOUR_MAP = np.array([(0, 0, 4), (81, 18, 124), (183, 55, 121), (252, 137, 97), (252, 253, 191)])  # RGB, low to high
LOG_MEL_RANGE = 2.0  # from the floor to the maximum of Whisper's log-mel
SCALE_PIXELS = 3  # height of a mel bin and width of a frame
GAP_PIXELS = 6  # between two pictures


@dataclass(frozen=True)
class PreviewClip:
    """A recording after one transform."""

    name: str  # of the transform; ORIGINAL, or TOGETHER for all of them
    samples: Samples
    mel: LogMel  # (n_mels, frames); with SpecAugment's masks for TOGETHER


class RandomSample(NamedTuple):
    """A recording augmented as in training."""

    samples: Samples
    transforms: list[str]  # names of the applied transforms


def preview(
    samples: Samples, options: AugmentationOptions, seed: int = 0, babble_paths: Sequence[Path] = ()
) -> list[PreviewClip]:
    """Returns the original, one clip per enabled transform, and one with all of them and the masks.

    Args:
        samples: the recording, (n,).
        options: transforms and their strengths.
        seed: equal seeds give equal results.
        babble_paths: recordings of speech for background voices.

    Raises:
        OptionError: a folder of sounds cannot be used."""
    names = list(options.enabled_transforms)
    clips = [PreviewClip(ORIGINAL, samples, _log_mel(samples))]
    for name in names:
        augmenter = Augmenter(options.with_only(name), babble_paths)
        augmented = augmenter.augment_waveform(samples, np.random.default_rng(seed))
        clips.append(PreviewClip(name, augmented, _log_mel(augmented)))
    rng = np.random.default_rng(seed)
    augmenter = Augmenter(options.with_only(*names), babble_paths)
    augmented = augmenter.augment_waveform(samples, rng)
    masked = augmenter.mask_log_mel(_log_mel(augmented), rng, len(augmented))
    return [*clips, PreviewClip(TOGETHER, augmented, masked)]


def draw_sample(
    samples: Samples, options: AugmentationOptions, seed: int, babble_paths: Sequence[Path] = ()
) -> RandomSample:
    """Augments a recording once as training does. Arguments, determinism and errors are those of `preview`."""
    augmenter = Augmenter(options, babble_paths)
    augmented = augmenter.augment_waveform(samples, np.random.default_rng(seed))
    return RandomSample(augmented, [] if augmented is samples else augmenter.applied_transforms())


def _log_mel(samples: Samples) -> LogMel:
    return padded_log_mel(samples, min(WINDOW_FRAMES, -(-len(samples) // HOP)))


def write_preview(clips: Sequence[PreviewClip], folder: Path) -> list[Path]:
    """Writes a WAV file per clip and a picture per transform, with the original's log-mel above the augmented one.

    Returns the paths of the written files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i, clip in enumerate(clips):
        wav = folder / f"{i:02}-{clip.name}.wav"
        write_wav(wav, clip.samples)
        paths.append(wav)
        if clip.name != ORIGINAL:
            picture = wav.with_suffix(".png")
            picture.write_bytes(encode_png(comparison_picture(clips[0].mel, clip.mel)))
            paths.append(picture)
    return paths


def comparison_picture(before: LogMel, after: LogMel) -> NDArray[np.uint8]:
    """Draws two log-mels, one above the other, low frequencies at the bottom: (n_mels, frames) x 2 -> RGB pixels.

    Returns (height, width, 3)."""
    width = max(before.shape[1], after.shape[1])
    gap = np.full((GAP_PIXELS // SCALE_PIXELS, width, 3), 255)
    pixels = np.vstack([_coloured(before, width), gap, _coloured(after, width)]).astype(np.uint8)
    return pixels.repeat(SCALE_PIXELS, 0).repeat(SCALE_PIXELS, 1)


def _coloured(mel: LogMel, width: int) -> NDArray[np.float64]:
    """The RGB colours of a log-mel, padded with black on the right: (n_mels, frames) -> (n_mels, width, 3)."""
    brightness = np.clip(1 - (mel.max() - mel[::-1]) / LOG_MEL_RANGE, 0, 1) * (len(COLOUR_MAP) - 1)
    channels = [np.interp(brightness, range(len(COLOUR_MAP)), channel) for channel in COLOUR_MAP.T]
    return np.pad(np.stack(channels, -1), ((0, 0), (0, width - mel.shape[1]), (0, 0)))


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encodes RGB pixels, (height, width, 3), as a PNG file."""
    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = pixels.shape[:2]
    encoder.pix_fmt = "rgb24"
    encoder.framerate = Fraction(1)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
