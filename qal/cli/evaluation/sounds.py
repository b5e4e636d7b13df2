"""qal evaluate sounds MODEL FOLDER: the words that a model writes where there is no speech."""

import hashlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel
from tqdm import tqdm

from qal.audio.blocks import write_wav
from qal.cli.evaluation.options import MODEL_HELP, NORMALISER_HELP
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.corpus.left_out import describe_left_out
from qal.engine.engine import ContextChoice
from qal.engine.settings.device import Device
from qal.evaluation.errors.analysis import analyse
from qal.evaluation.errors.insertions import SilentRows
from qal.evaluation.errors.sounds import MAX_SOUNDS, evaluate_sounds, find_sounds
from qal.evaluation.records import Evaluation, ScoredRow, read_rows
from qal.evaluation.scoring import SEED
from qal.evaluation.stored import EVALUATIONS, HASH_DIGITS, slug
from qal.evaluation.systems.any_model import SystemOptions, find_system
from qal.evaluation.wordless_sounds import wordless_sounds
from qal.json_text import json_text
from qal.text.normalisation.registry import SCORING, Normaliser, find_normaliser

ABOUT = (
    "Transcribes sounds without speech and counts the words that a model invents. It is stored as an evaluation with "
    "empty references, which the page and `qal evaluate report` show; an interrupted one is continued."
)
MADE = "made-sounds"  # name of the sounds that are made here
FOLDER_HELP = f"a folder of audio files without speech, or {MADE}: silence, noise, tones, coughs, laughter and humming"
SHOWN_TEXTS = 20


class SoundsOptions(BaseModel, frozen=True):
    model: str = positional(MODEL_HELP, "MODEL")
    folder: Path = positional(FOLDER_HELP, "FOLDER")
    max: int = flag(MAX_SOUNDS, "transcribe at most N sounds, spread evenly", "N", ge=1)
    language: str | None = flag(None, "language to decode in; unset: English", "XX")
    context: ContextChoice = flag("auto", "auto: what qal.json allows; full: 30 s")
    device: Device = flag("auto", "auto: a GPU where there is one")
    normaliser: str = flag(SCORING.id, NORMALISER_HELP, "NAME")
    runs: Path = flag(Path("runs"), "folder of the runs", "DIR")
    out: Path = flag(EVALUATIONS, "folder in which evaluations are stored", "DIR")
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal evaluate sounds", ABOUT, SoundsOptions, arguments)
    normaliser = find_normaliser(options.normaliser)
    with sounds_folder(options.folder) as sounds:
        evaluation = transcribe_sounds(options, sounds)
    rows = read_rows(options.out / evaluation.id)
    silent = analyse(rows, normaliser, with_phonemes=False).silent if rows else None
    if options.json_:
        print(json_text(as_json(options, evaluation, rows, silent, normaliser)))
    else:
        print(as_text(options, evaluation, rows, silent, normaliser))


@contextmanager
def sounds_folder(folder: Path) -> Iterator[Path]:
    """Gives the folder of the user, or one with sounds that are made here and deleted afterwards."""
    if str(folder) != MADE:
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / MADE
        made.mkdir()
        for number, sound in enumerate(wordless_sounds([], np.random.default_rng(SEED)), start=1):
            write_wav(made / f"sound-{number:02}.wav", sound)
        yield made


def transcribe_sounds(options: SoundsOptions, sounds: Path) -> Evaluation:
    """Transcribes the sounds with a progress bar, or uses what was transcribed before. Raises QalError."""
    system = find_system(options.model, SystemOptions(context=options.context, device=options.device), options.runs)
    files = find_sounds(sounds, options.max)
    known = [(str(path.relative_to(sounds)), path.stat().st_size) for path in files]
    digest = hashlib.sha256(repr((system.identity, known, options.language)).encode()).hexdigest()[:HASH_DIGITS]
    name = f"{slug(options.model)}-{slug(sounds.name)}-sounds-{digest}"
    evaluation = Evaluation(
        id=name,
        model=options.model,
        corpus=f"{sounds.name} (without speech)",
        corpus_path="" if str(options.folder) == MADE else str(options.folder.resolve()),
        language=options.language,
        normaliser=options.normaliser,
    )
    with tqdm(desc=f"{options.model} on {sounds.name}", total=len(files), unit="sound", file=sys.stderr) as bar:
        return evaluate_sounds(
            options.out / name,
            evaluation,
            sounds,
            system.open(()),
            options.max,
            lambda done, total: bar.update(done - bar.n),
        )


def as_json(
    options: SoundsOptions,
    evaluation: Evaluation,
    rows: Sequence[ScoredRow],
    silent: SilentRows | None,
    normaliser: Normaliser,
) -> dict[str, Any]:
    """Returns the content of the line that --json prints."""
    texts = silent.texts if silent else ()
    return {
        "model": options.model,
        "evaluation": str(options.out / evaluation.id),
        "sounds": len(rows),
        "left_out": evaluation.left_out,
        "seconds": round(silent.seconds, 2) if silent else 0,
        "sounds_with_words": len(silent.with_words) if silent else 0,
        "words": silent.words if silent else 0,
        "words_per_minute": silent.words_per_minute if silent else None,
        "normaliser": normaliser.id,
        "texts": [{"text": text, "sounds": [rows[i].audio for i in found]} for text, found in texts],
    }


def as_text(
    options: SoundsOptions,
    evaluation: Evaluation,
    rows: Sequence[ScoredRow],
    silent: SilentRows | None,
    normaliser: Normaliser,
) -> str:
    left_out = [describe_left_out(evaluation.left_out)] if evaluation.left_out else []
    if silent is None:
        return "\n".join([f"{options.model}: no sound could be used.", *left_out])
    rate = silent.words_per_minute or 0.0
    lines = [
        f"{options.model} on {len(rows)} sounds without speech, {silent.seconds / 60:.1f} min · normaliser "
        f"{normaliser.id}",
        f"{silent.words} words invented, {rate:.1f} a minute, in {len(silent.with_words)} sounds",
        *left_out,
    ]
    for text, found in silent.texts[:SHOWN_TEXTS]:
        lines.append(f"  {len(found)} x  {text}  ({rows[found[0]].audio})")
    hidden = len(silent.texts) - SHOWN_TEXTS
    return "\n".join([*lines, f"  and {hidden} other texts; --json has all"] if hidden > 0 else lines)
