"""A studio with the real presets and a small corpus, and the form of a new run without a browser."""

from pathlib import Path
from typing import Any

from qal.corpus.manifest import Origin, Row, write_corpus
from qal.jobs.options.training_config import TrainingConfig
from ui_components.app.studio import Studio
from ui_components.train.new_run.choices import filled
from ui_components.train.new_run.settings import SETTINGS

SPLITS = ("train", "train", "train", "validation", "test")
NAMES = [setting.name for setting in SETTINGS]


def small_corpus(folder: Path, rows: int = 50, language: str = "ru", seconds: float = 2.0) -> Path:
    """Its audio is not there: only a job reads it."""
    made = [
        Row(
            audio=f"{i:04}.wav",
            text=f"row {i}",
            language=language,
            duration_s=seconds + i % 7 / 10,
            split=SPLITS[i % len(SPLITS)],
            sha256=f"{i:064}",
        )
        for i in range(rows)
    ]
    folder.mkdir(parents=True)
    return write_corpus(folder, Origin(name=folder.name), made).folder


def held_of(studio: Studio, config: TrainingConfig, **changes: Any) -> list[Any]:
    """What the components hold; `changes` by a setting's name, with __ for its dots."""
    held = dict(zip(NAMES, filled(studio, config).held, strict=True))
    named = {name.replace("__", "."): value for name, value in changes.items()}
    assert not named.keys() - held.keys()
    return list((held | named).values())
