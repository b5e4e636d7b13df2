"""Exports a folder with the recordings and a table: metadata.csv in UTF-8, with commas."""

import csv
from pathlib import Path

from tqdm import tqdm

from qal.corpus.exporters.columns import COLUMNS, table_row
from qal.corpus.exporters.export_folder import ExportFolder

TABLE = "metadata.csv"


def write_table_folder(folder: ExportFolder) -> None:
    """Writes the recordings under their names in the corpus, and the table."""
    with Path(folder.path, TABLE).open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for row in tqdm(folder.rows, desc="export", unit="file"):
            folder.copy_audio(row, row.audio)
            table.writerow(table_row(row, row.audio))
