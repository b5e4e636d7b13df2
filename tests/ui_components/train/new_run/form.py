"""A small corpus, and the values of the New run form without a browser."""

from pathlib import Path
from typing import Any

from qal.corpus.manifest import Origin, Row, write_corpus
from qal.jobs.options.training_config import TrainingConfig
from ui_components.app.studio import Studio
from ui_components.train.new_run.choices import by_name, form_values

SPLITS = ("train", "train", "train", "validation", "test")


def small_corpus(folder: Path, rows: int = 50, language: str = "ru", seconds: float = 2.0) -> Path:
    """Writes a corpus without audio files, which only a job reads."""
    manifest_rows = [
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
    return write_corpus(folder, Origin(name=folder.name), manifest_rows).folder


def values_of(studio: Studio, config: TrainingConfig, **changes: Any) -> list[Any]:
    """The values of the form's components for a config, with some values changed.

    Args:
        studio: the studio.
        config: the settings.
        changes: values by name of the setting, with __ in place of dots.
    """
    values = by_name(form_values(studio, config).values)
    changed = {name.replace("__", "."): value for name, value in changes.items()}
    assert not changed.keys() - values.keys()
    return list((values | changed).values())
