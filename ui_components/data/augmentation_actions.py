"""What augmentation makes of a sound, to see and hear. It is drawn in a process of its own: what it imports is heavy,
and a page that captions somebody must not stand still."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from augmentation.options import AugmentationOptions
from augmentation.spec_augment import spec_augment
from qal.audio.analysis import Survey, survey
from qal.audio.blocks import heard_part, write_wav
from qal.audio.samples import WINDOW_S
from qal.errors import EXIT_USER_ERROR, OptionError
from qal.subcommand import qal_command, qal_environment
from ui_components.app.studio import Studio
from ui_components.data.strengths import NAMES, of_preset, switches_of
from ui_components.widgets.audio_view.actions import Sound
from ui_components.widgets.audio_view.served_audio import made_file, url_of
from ui_components.widgets.audio_view.view import shown
from ui_components.widgets.markup import note_html

PATIENCE_S = 120  # for one draw
MAX_SEED = 2**31
EVERYTHING, AS_TRAINED = "everything", "as trained"
WAITING = "Choose a sound above, then press Augment: it is shown beside what training would make of it."

Compared = tuple[dict[str, Any] | None, dict[str, Any] | None, str, gr.Row]  # original, altered, note, both


def fill(studio: Studio, preset: str) -> list[Any]:
    """A preset's transforms and strengths, as the form shows them."""
    on, strengths = of_preset(preset)
    return [on, *strengths]


def clear(studio: Studio) -> Compared:
    """The comparison belongs to a sound that is no longer shown."""
    return None, None, note_html(WAITING), gr.Row(visible=False)


def another(studio: Studio, seed: int) -> int:
    return (seed + 1) % MAX_SEED


def compare(
    studio: Studio,
    sound: Sound | None,
    preset: str,
    how: str,
    masks: bool,
    seed: int,
    on: list[str],
    *strengths: float | None,
) -> Compared:
    """The first 30 s of the chosen stretch as they are, and as training would hear them."""
    if sound is None:
        raise OptionError("choose a row or a file first")
    switches = switches_of(preset, on, strengths)
    before, after = made_file("original.wav"), made_file("augmented.wav")
    write_wav(before, heard_part(sound.path, sound.start_s, min(sound.end_s, sound.start_s + WINDOW_S)))
    names = draw(before, after, preset, switches, how == EVERYTHING, seed, sound.others)
    original, altered = survey(before), survey(after)
    if masks:
        altered = masked(altered, AugmentationOptions.model_validate({"preset": preset}), seed)
    loudest = max(float(np.abs(found.outline).max()) for found in (original, altered))
    return (
        shown(original, "Original", url_of(before), loudest=loudest),
        shown(altered, "Augmented", url_of(after), loudest=loudest),
        note_html(applied(names, masks, seed)),
        gr.Row(visible=True),
    )


def draw(
    before: Path,
    after: Path,
    preset: str,
    switches: dict[str, dict[str, Any]],
    everything: bool,
    seed: int,
    voices: tuple[Path, ...],
) -> list[str]:
    """Writes the altered sound -> the transforms that were applied."""
    command = ["draw", str(before), "--out", str(after), "--preset", preset, "--switches", json.dumps(switches)]
    command += ["--seed", str(seed), "--max-seconds", str(WINDOW_S + 1), "--json"]
    command += ["--everything"] if everything else []
    command += ["--voices", *map(str, voices)] if voices else []
    try:
        done = subprocess.run(
            qal_command("augment", *command),
            env=qal_environment(),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise OptionError(f"augmentation took longer than {PATIENCE_S} s; choose a shorter stretch") from error
    if done.returncode == EXIT_USER_ERROR:
        raise OptionError(done.stderr.strip().splitlines()[-1].removeprefix("error: "))
    done.check_returncode()
    return json.loads(done.stdout.splitlines()[-1])["transforms"]


def masked(found: Survey, options: AugmentationOptions, seed: int) -> Survey:
    """With SpecAugment's masks on the picture; they cannot be heard."""
    o, rng = options, np.random.default_rng(seed)
    mel = np.maximum(found.mel, found.mel.max() - 8.0)
    bins, share = o.frequency_mask_bins, o.time_mask_share
    return replace(found, mel=spec_augment(mel, rng, o.time_masks, share, o.frequency_masks, bins, mel.shape[1]))


def applied(names: list[str], masks: bool, seed: int) -> str:
    """What was done, in a sentence."""
    sound = ", ".join(NAMES[name].lower() for name in names)
    parts = [sound or "nothing that is heard, as happens to a share of the rows"]
    parts += ["masks on the spectrogram"] if masks else []
    return f"Draw {seed + 1}. Applied: {'; '.join(parts)}."
