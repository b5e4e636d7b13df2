"""How much speech a corpus holds, by split and language."""

from collections.abc import Iterable

import numpy as np
from pydantic import BaseModel

from qal.audio.samples import WINDOW_S
from qal.corpus.manifest import Corpus, Row
from qal.corpus.split import SPLITS
from qal.text.normalisation import normalise

ALL = "all"
SECONDS_PER_MINUTE = 60


class Figures(BaseModel, frozen=True):
    """Of one split in one language, or of `all`."""

    split: str
    language: str
    utterances: int
    minutes: float
    words: int  # as scored
    speakers: int
    shortest_s: float
    median_s: float
    longest_s: float
    beyond_window: int  # utterances longer than Whisper hears at once


def corpus_statistics(corpus: Corpus) -> list[Figures]:
    """A line for each split and language that has rows, then one for all."""
    lines = [
        _figures(rows, split, language)
        for language in corpus.info.languages
        for split in SPLITS
        if (rows := [row for row in corpus.select(split) if row.language == language])
    ]
    return [*lines, _figures(corpus.rows, ALL, ALL)]


def _figures(rows: Iterable[Row], split: str, language: str) -> Figures:
    rows = list(rows)
    durations_s = np.array([row.duration_s for row in rows])
    return Figures(
        split=split,
        language=language,
        utterances=len(rows),
        minutes=round(float(durations_s.sum()) / SECONDS_PER_MINUTE, 2),
        words=sum(len(normalise(row.text).split()) for row in rows),
        speakers=len({row.speaker for row in rows if row.speaker}),
        shortest_s=float(durations_s.min()),
        median_s=round(float(np.median(durations_s)), 2),
        longest_s=float(durations_s.max()),
        beyond_window=int((durations_s > WINDOW_S).sum()),
    )


def as_table(lines: list[Figures]) -> str:
    """Aligned columns with a heading."""
    columns = list(Figures.model_fields)
    cells = [columns, *([str(getattr(line, name)) for name in columns] for line in lines)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
