"""Exports for the library `datasets`: Parquet files, or folders of recordings with a table each (audiofolder).

    load_dataset("OUT")      # train, validation and test, with audio, text, language, speaker and so on

Parquet files are what the hub makes of every data set. `datasets` reads folders of audio only with torchcodec."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from qal.corpus.exporters.columns import FILE, table_row
from qal.corpus.exporters.export_folder import ExportFolder
from qal.corpus.manifest import UNKNOWN, CorpusInfo, Row
from qal.corpus.split import Split
from qal.json_text import json_text

TABLE, CARD = "metadata.jsonl", "README.md"
SHARD_BYTES = 400_000_000  # of audio in one Parquet file
GROUP_ROWS = 100  # as the hub writes data sets with audio: a reader loads one group at a time
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write_audio_folder(folder: ExportFolder) -> None:
    """Writes train/, validation/ and test/, each with its recordings and metadata.jsonl."""
    for split in folder.splits():
        with _created(folder.path / split / TABLE).open("w", encoding="utf-8") as file:
            for row in tqdm(folder.of_split(split), desc=split, unit="file"):
                folder.copy_audio(row, f"{split}/{row.audio}")
                file.write(json_text(table_row(row, row.audio), ensure_ascii=False) + "\n")
    _write_card(folder, {split: f"{split}/**" for split in folder.splits()})


def write_parquet(folder: ExportFolder) -> None:
    """Writes data/train-00000-of-00001.parquet and so on, which hold the recordings themselves."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(pa)
    for split in folder.splits():
        shards = list(_shards(folder, folder.of_split(split)))
        for number, rows in enumerate(tqdm(shards, desc=split, unit="file")):
            path = _created(folder.path / f"data/{split}-{number:05d}-of-{len(shards):05d}.parquet")
            with pq.ParquetWriter(path, schema) as writer:
                for start in range(0, len(rows), GROUP_ROWS):
                    group = [_stored_row(folder, row) for row in rows[start : start + GROUP_ROWS]]
                    writer.write_table(pa.Table.from_pylist(group, schema))
    _write_card(folder, {split: f"data/{split}-*" for split in folder.splits()})


def _schema(pa: Any) -> Any:
    """Returns the Arrow schema, with the features that `datasets` reads from its metadata."""
    text = ("text", "language", "speaker", "split", "translation", "source")
    features: dict[str, Any] = {"audio": {"_type": "Audio"}}
    features |= {name: {"dtype": "string", "_type": "Value"} for name in text}
    features["duration_s"] = {"dtype": "float64", "_type": "Value"}
    features["marks"] = {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}
    fields = [pa.field("audio", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))]
    fields += [pa.field(name, pa.string()) for name in text]
    fields += [pa.field("duration_s", pa.float64()), pa.field("marks", pa.list_(pa.string()))]
    return pa.schema(fields, {"huggingface": json_text({"info": {"features": features}})})


def _stored_row(folder: ExportFolder, row: Row) -> Mapping[str, Any]:
    audio = {"bytes": folder.corpus.audio_path(row).read_bytes(), "path": row.audio}
    values = {name: value for name, value in table_row(row, row.audio).items() if name != FILE}
    return {**values, "audio": audio, "marks": list(row.marks)}


def _shards(folder: ExportFolder, rows: Sequence[Row]) -> Iterator[list[Row]]:
    shard: list[Row] = []
    size = 0
    for row in rows:
        row_bytes = folder.corpus.audio_path(row).stat().st_size
        if shard and size + row_bytes > SHARD_BYTES:
            yield shard
            shard, size = [], 0
        shard.append(row)
        size += row_bytes
    yield shard


def _write_card(folder: ExportFolder, data_files: Mapping[Split, str]) -> None:
    info = folder.corpus.info
    header: dict[str, Any] = {
        "language": list(info.languages),
        "task_categories": ["automatic-speech-recognition"],
        "size_categories": [next((size for limit, size in SIZES if len(folder.rows) < limit), "n>1M")],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": path} for split, path in data_files.items()],
            }
        ],
    }
    if info.licence != UNKNOWN:
        header |= {"license": "other", "license_name": info.licence[:100]}
    Path(folder.path, CARD).write_text(
        f"---\n{yaml.safe_dump(header, allow_unicode=True, sort_keys=False)}---\n{_card_text(info, len(folder.rows))}",
        encoding="utf-8",
    )


def _card_text(info: CorpusInfo, count: int) -> str:
    lines = [
        f"\n# {info.name}\n",
        f"{count:,} utterances, {info.duration_s / 3600:.2f} hours; version {info.version[:12]} of a dataset of Qal.\n",
        f"Source: {info.source}. Licence: {info.licence}.",
        info.attribution,
        info.notes,
        "\nRows with `marks` are left out of training and of scores by Qal; the marks say why.",
    ]
    return "\n".join(filter(None, lines)) + "\n"


def _created(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
