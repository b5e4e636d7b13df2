"""Handlers of the augmentation preview.

The augmented audio is made by `qal augment draw` in its own process, because its imports are heavy and the page's
process also makes live captions."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from augmentation.options import AugmentationOptions
from augmentation.spec_augment import spec_augment
from qal.audio.analysis import AudioAnalysis, analyse
from qal.audio.blocks import read_time_range, write_wav
from qal.audio.samples import WINDOW_S
from qal.errors import EXIT_USER_ERROR, OptionError
from qal.subcommand import qal_command, qal_environment
from ui_components.app.open_page import require_open_page
from ui_components.app.studio import Studio
from ui_components.data.strengths import TRANSFORM_TITLES, preset_values, transform_options
from ui_components.widgets.audio_view.actions import AudioSelection
from ui_components.widgets.audio_view.served_audio import file_url, new_served_file
from ui_components.widgets.audio_view.view import DYNAMIC_RANGE_DECADES, view_data
from ui_components.widgets.markup import note_html

TIMEOUT_S = 120
MAX_SEED = 2**31
ALL_TRANSFORMS, RANDOM_SAMPLE = "everything", "as trained"
WAITING = "Select a clip, then press Augment to preview it."


class Comparison(NamedTuple):
    """Outputs of `compare`: the two audio views, a note, and the row that holds both views."""

    original: dict[str, Any] | None
    augmented: dict[str, Any] | None
    note: str
    row: gr.Row


def fill_form(studio: Studio, preset: str) -> list[Any]:
    """The values of the transform settings for a preset: the transforms that are on, then all strengths."""
    values = preset_values(preset)
    return [values.transforms, *values.strengths]


def clear(studio: Studio) -> Comparison:
    """Hides the comparison, because another clip is shown."""
    return Comparison(None, None, note_html(WAITING), gr.Row(visible=False))


def next_seed(studio: Studio, seed: int) -> int:
    return (seed + 1) % MAX_SEED


def compare(
    studio: Studio,
    selection: AudioSelection | None,
    preset: str,
    mode: str,
    show_masks: bool,
    seed: int,
    switched_on: list[str],
    *strengths: float | None,
) -> Comparison:
    """Shows the first 30 s of the selection beside an augmented version.

    Args:
        studio: the studio.
        selection: the clip.
        preset: a preset of the augmentation.
        mode: ALL_TRANSFORMS or RANDOM_SAMPLE.
        show_masks: draw SpecAugment's masks on the augmented spectrogram.
        seed: of all random choices.
        switched_on: the transforms that are on.
        strengths: the values of `strength_fields`.

    Raises:
        OptionError: no clip is selected, a setting is invalid, or the augmentation takes too long."""
    if selection is None:
        raise OptionError("choose a clip or a file first")
    overrides = transform_options(preset, switched_on, strengths)
    original_wav, augmented_wav = new_served_file("original.wav"), new_served_file("augmented.wav")
    end_s = min(selection.end_s, selection.start_s + WINDOW_S)
    write_wav(original_wav, read_time_range(selection.path, selection.start_s, end_s, require_open_page))
    names = write_augmented(
        original_wav, augmented_wav, preset, overrides, mode == ALL_TRANSFORMS, seed, selection.babble_paths
    )
    original, augmented = analyse(original_wav), analyse(augmented_wav)
    if show_masks:
        augmented = with_masks(augmented, AugmentationOptions.model_validate({"preset": preset}), seed)
    full_scale = max(float(np.abs(analysis.outline).max()) for analysis in (original, augmented))
    return Comparison(
        original=view_data(original, "Original", file_url(original_wav), full_scale=full_scale),
        augmented=view_data(augmented, "Augmented", file_url(augmented_wav), full_scale=full_scale),
        note=note_html(applied_sentence(names, show_masks, seed)),
        row=gr.Row(visible=True),
    )


def write_augmented(
    source: Path,
    target: Path,
    preset: str,
    overrides: dict[str, dict[str, Any]],
    all_transforms: bool,
    seed: int,
    babble_paths: tuple[Path, ...],
) -> list[str]:
    """Writes an augmented version of a WAV file.

    Args:
        source: the original file.
        target: the new file.
        preset: a preset of the augmentation.
        overrides: options by transform.
        all_transforms: apply all transforms that are on, instead of a random sample as in training.
        seed: of all random choices.
        babble_paths: speech for background voices.

    Returns:
        The names of the applied transforms.

    Raises:
        OptionError: the command failed with an error of the user, or took too long."""
    arguments = ["draw", str(source), "--out", str(target), "--preset", preset, "--switches", json.dumps(overrides)]
    arguments += ["--seed", str(seed), "--max-seconds", str(WINDOW_S + 1), "--json"]
    arguments += ["--everything"] if all_transforms else []
    arguments += ["--voices", *map(str, babble_paths)] if babble_paths else []
    try:
        result = subprocess.run(
            qal_command("augment", *arguments),
            env=qal_environment(),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise OptionError(f"augmentation took longer than {TIMEOUT_S} s; select a shorter range") from error
    if result.returncode == EXIT_USER_ERROR:
        raise OptionError(result.stderr.strip().splitlines()[-1].removeprefix("error: "))
    result.check_returncode()
    return json.loads(result.stdout.splitlines()[-1])["transforms"]


def with_masks(analysis: AudioAnalysis, options: AugmentationOptions, seed: int) -> AudioAnalysis:
    """Draws SpecAugment's masks on the spectrogram. They are not audible."""
    rng = np.random.default_rng(seed)
    mel = np.maximum(analysis.mel, analysis.mel.max() - DYNAMIC_RANGE_DECADES)
    masked = spec_augment(
        mel,
        rng,
        options.time_masks,
        options.time_mask_share,
        options.frequency_masks,
        options.frequency_mask_bins,
        mel.shape[1],
    )
    return replace(analysis, mel=masked)


def applied_sentence(names: list[str], show_masks: bool, seed: int) -> str:
    """A sentence with the applied transforms."""
    transforms = ", ".join(TRANSFORM_TITLES[name].lower() for name in names)
    applied = [transforms or "no audible transform, as for some examples in training"]
    applied += ["masks on the spectrogram"] if show_masks else []
    return f"Sample {seed + 1}. Applied: {'; '.join(applied)}."
