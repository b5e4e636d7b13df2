"""Exports Lhotse manifests: recordings, supervisions and cuts of each split, and the recordings in audio/.

The paths of the recordings are absolute, because Lhotse takes relative ones from its working directory."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from qal.audio.decode import decode
from qal.audio.decoding.opening import open_audio
from qal.audio.samples import SAMPLE_RATE
from qal.corpus.exporters.export_folder import ExportFolder
from qal.corpus.manifest import Row
from qal.json_text import json_text


def write_lhotse(folder: ExportFolder) -> None:
    """Writes recordings_SPLIT.jsonl.gz, supervisions_SPLIT.jsonl.gz and cuts_SPLIT.jsonl.gz."""
    for split in folder.splits():
        recordings, supervisions, cuts = [], [], []
        for row in tqdm(folder.of_split(split), desc=split, unit="file"):
            copy = folder.copy_audio(row, row.audio)
            recordings.append(_recording(row, copy, folder.final_path / row.audio))
            supervisions.append(_supervision(row, recordings[-1]["duration"]))
            cuts.append(_cut(row, recordings[-1], supervisions[-1]))
        for name, lines in (("recordings", recordings), ("supervisions", supervisions), ("cuts", cuts)):
            with gzip.open(folder.path / f"{name}_{split}.jsonl.gz", "wt", encoding="utf-8") as file:
                file.writelines(json_text(line, ensure_ascii=False) + "\n" for line in lines)


def audio_length(path: Path) -> tuple[int, int]:
    """Returns the rate in Hz and the number of samples of a recording. Raises AudioDecodeError."""
    with open_audio(path) as container:
        stream = container.streams.audio[0]
        if stream.duration and stream.time_base and stream.rate:
            return stream.rate, round(stream.duration * stream.time_base * stream.rate)
    return SAMPLE_RATE, len(decode(path))


def _recording(row: Row, copy: Path, final_path: Path) -> Mapping[str, Any]:
    rate, samples = audio_length(copy)
    source = {"type": "file", "channels": [0], "source": str(final_path)}
    length = {"sampling_rate": rate, "num_samples": samples, "duration": samples / rate}
    return {"id": row.audio, "sources": [source], **length, "channel_ids": [0]}


def _supervision(row: Row, duration_s: float) -> Mapping[str, Any]:
    custom: dict[str, Any] = {"split": row.split}
    custom |= {name: getattr(row, name) for name in ("translation", "source") if getattr(row, name)}
    if row.marks:
        custom["marks"] = list(row.marks)
    return {
        "id": row.audio,
        "recording_id": row.audio,
        "start": 0.0,
        "duration": duration_s,
        "channel": 0,
        "text": row.text,
        "language": row.language,
        **({"speaker": row.speaker} if row.speaker else {}),
        "custom": custom,
    }


def _cut(row: Row, recording: Mapping[str, Any], supervision: Mapping[str, Any]) -> Mapping[str, Any]:
    times = {"start": 0.0, "duration": recording["duration"], "channel": 0}
    return {"id": row.audio, **times, "supervisions": [supervision], "recording": recording, "type": "MonoCut"}
