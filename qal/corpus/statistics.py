"""Amount of speech in a corpus, by split and language."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel

from qal.audio.samples import WINDOW_S
from qal.corpus.manifest import Corpus, Row
from qal.corpus.speakers import speaker_key
from qal.corpus.split import SPLITS
from qal.corpus.words import count_words

ALL = "all"
SECONDS_PER_MINUTE = 60


class SplitStatistics(BaseModel, frozen=True):
    """Statistics of one split in one language, or of the whole corpus (split and language `all`)."""

    split: str
    language: str
    utterances: int
    minutes: float
    words: int  # after normalisation, as they are scored
    speakers: int
    shortest_s: float
    median_s: float
    longest_s: float
    beyond_window: int  # utterances longer than Whisper's 30 s window


def corpus_statistics(corpus: Corpus) -> list[SplitStatistics]:
    """Computes statistics for each split and language that has rows, and then for the whole corpus.

    Marked rows are left out, as training and scores leave them out."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in corpus.rows:
        if not row.marks:
            groups[row.language, row.split].append(row)
    statistics = [
        _statistics(rows, split, language, sum(count_words(row.text, row.language) for row in rows))
        for language in corpus.info.languages
        for split in SPLITS
        if (rows := groups.get((language, split)))
    ]
    used = [row for row in corpus.rows if not row.marks]
    return [*statistics, _statistics(used, ALL, ALL, sum(line.words for line in statistics))]


def _statistics(rows: Sequence[Row], split: str, language: str, words: int) -> SplitStatistics:
    durations_s = np.array([row.duration_s for row in rows] or [0.0])
    return SplitStatistics(
        split=split,
        language=language,
        utterances=len(rows),
        minutes=round(float(durations_s.sum()) / SECONDS_PER_MINUTE, 2),
        words=words,
        speakers=len({speaker_key(speaker) for speaker in {row.speaker for row in rows}} - {""}),
        shortest_s=float(durations_s.min()),
        median_s=round(float(np.median(durations_s)), 2),
        longest_s=float(durations_s.max()),
        beyond_window=int((durations_s > WINDOW_S).sum()),
    )


def format_table(statistics: list[SplitStatistics]) -> str:
    """Formats the statistics as right-aligned columns with a heading."""
    columns = list(SplitStatistics.model_fields)
    table = [columns, *([str(getattr(line, name)) for name in columns] for line in statistics)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) for cells in table)
