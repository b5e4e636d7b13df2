"""Exports NeMo manifests: SPLIT_manifest.json with a JSON object a line, and the recordings in audio/."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from qal.corpus.exporters.export_folder import ExportFolder
from qal.corpus.manifest import Row
from qal.json_text import json_text


def write_nemo(folder: ExportFolder) -> None:
    """Writes a manifest of each split; the paths of the recordings start at its folder."""
    for split in folder.splits():
        with Path(folder.path, f"{split}_manifest.json").open("w", encoding="utf-8") as file:
            for row in tqdm(folder.of_split(split), desc=split, unit="file"):
                folder.copy_audio(row, row.audio)
                file.write(json_text(_line(row), ensure_ascii=False) + "\n")


def _line(row: Row) -> Mapping[str, Any]:
    line = {
        "audio_filepath": row.audio,
        "duration": row.duration_s,
        "text": row.text,
        "lang": row.language,
        "split": row.split,
    }
    line |= {name: getattr(row, name) for name in ("speaker", "translation", "source") if getattr(row, name)}
    return {**line, "marks": list(row.marks)} if row.marks else line
