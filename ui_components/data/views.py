"""The HTML of the Data tab: a dataset's overview and the table of its clips. Pure functions; all text is escaped."""

import html
from collections.abc import Sequence
from itertools import pairwise

from qal.audio.samples import WINDOW_S
from qal.corpus.manifest import UNKNOWN, CorpusInfo, Row
from qal.corpus.statistics import ALL, SplitStatistics
from ui_components.data.corpora import RowPage
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import note_html

BIN_EDGES_S = (0, 1, 2, 3, 5, 7, 10, 15, 20, WINDOW_S, float("inf"))  # of the histogram
SHOWN_VERSION_LENGTH = 12  # characters
MAX_SPEAKER_CHARS = 24
NO_MATCH = "No clip matches. Use fewer words, or choose another split."
UNKNOWN_LICENCE = "Licence unknown. Check it before sharing a model trained on this dataset."
SPLIT_COLUMNS = ("split", "language", "clips", "minutes", "words", "speakers", "shortest", "median", "longest")
PICK_JS = """element.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-row]");
  if (row && !getSelection().toString()) trigger("pick", { row: Number(row.dataset.row) });
});"""


def corpus_html(info: CorpusInfo, statistics: Sequence[SplitStatistics], durations_s: Sequence[float]) -> str:
    """The overview of a corpus: totals, origin, histogram of durations and a table of the splits."""
    licence_note = f'<p class="qal-note">{UNKNOWN_LICENCE}</p>' if info.licence == UNKNOWN else ""
    return (
        f'<div class="qal-corpus"><div class="facts">{_totals(info, statistics[-1])}</div>'
        f'<div class="halves">{_origin(info)}{histogram_html(durations_s)}</div>'
        f"{licence_note}{_splits(statistics)}</div>"
    )


def _totals(info: CorpusInfo, total: SplitStatistics) -> str:
    speakers = str(total.speakers) if total.speakers else "unknown"
    facts = [
        (duration_text(info.duration_s), "of speech"),
        (f"{total.utterances:,}", "clips"),
        (f"{total.words:,}", "words"),
        (speakers, "speaker" if total.speakers == 1 else "speakers"),
        (", ".join(map(language_name, info.languages)), "language" if len(info.languages) == 1 else "languages"),
    ]
    return "".join(f"<div><b>{html.escape(value)}</b><span>{name}</span></div>" for value, name in facts)


def _origin(info: CorpusInfo) -> str:
    """Source, licence and version; empty fields are left out."""
    fields = [
        ("Source", info.source),
        ("Licence", info.licence),
        ("Attribution", info.attribution),
        ("Notes", info.notes),
        ("Version", info.version[:SHOWN_VERSION_LENGTH]),
    ]
    lines = "".join(f"<dt>{name}</dt><dd dir=auto>{html.escape(text)}</dd>" for name, text in fields if text)
    return f'<dl class="origin">{lines}</dl>'


def _splits(statistics: Sequence[SplitStatistics]) -> str:
    head = "".join(f"<th>{name}</th>" for name in SPLIT_COLUMNS)
    rows = "".join(_split_row(line) for line in statistics)
    return f'<div class="qal-table"><table><tr>{head}</tr>{rows}</table></div>{_long_clips_note(statistics[-1])}'


def _split_row(line: SplitStatistics) -> str:
    durations = (f"{s:.1f} s" for s in (line.shortest_s, line.median_s, line.longest_s))
    counts = (f"{line.utterances:,}", f"{line.minutes:,.1f}", f"{line.words:,}", str(line.speakers or "–"))
    names = (line.split, "" if line.language == ALL else language_name(line.language))
    cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in (*names, *counts, *durations))
    return f'<tr class="{"best" if line.split == ALL else ""}">{cells}</tr>'


def _long_clips_note(total: SplitStatistics) -> str:
    count = total.beyond_window
    if not count:
        return ""
    clips = f"1 clip is longer than {WINDOW_S} s" if count == 1 else f"{count} clips are longer than {WINDOW_S} s"
    return note_html(f"{clips}. Training skips clips longer than Whisper's window or than `max_utterance_s`.")


def histogram_html(durations_s: Sequence[float]) -> str:
    """A bar chart of the clips' durations, with the counts as its accessible name."""
    counts = histogram(durations_s)
    highest = max(counts, default=0) or 1
    bars = "".join(
        f'<li><span>{count or ""}</span><i style="height:{100 * count / highest:.1f}%"></i><em>{name}</em></li>'
        for count, name in zip(counts, _bin_names(), strict=True)
    )
    description = ", ".join(f"{name} s: {count}" for count, name in zip(counts, _bin_names(), strict=True) if count)
    return (
        f'<figure class="qal-histogram" role="img" aria-label="Clips by duration. {description}">'
        f"<figcaption>Clips by duration, in seconds</figcaption><ol aria-hidden=true>{bars}</ol></figure>"
    )


def histogram(durations_s: Sequence[float]) -> list[int]:
    """The number of durations in each bin (edge, next edge]; a duration of 0 counts in the first bin."""
    counts = [sum(low < s <= high for s in durations_s) for low, high in pairwise(BIN_EDGES_S)]
    return [counts[0] + sum(s <= 0 for s in durations_s), *counts[1:]]


def _bin_names() -> list[str]:
    return [f"≤{high:g}" if high != float("inf") else f">{low:g}" for low, high in pairwise(BIN_EDGES_S)]


def rows_html(page: RowPage, opened: int | None) -> str:
    """The table of one page. `opened` is the index of the opened row. A click on a row, or its button, opens it."""
    if not page.rows:
        return f'<p class="qal-note">{NO_MATCH}</p>'
    head = "<tr><th>text</th><th>split</th><th>speaker</th><th>duration</th></tr>"
    rows = "".join(_row_html(index, row, index == opened) for index, row in page.rows)
    return f'<div class="qal-table qal-rows"><table>{head}{rows}</table></div>'


def _row_html(index: int, row: Row, is_opened: bool) -> str:
    text = html.escape(row.text) or '<span class="none">no text</span>'
    button = f'<button type="button" dir="auto" aria-pressed="{str(is_opened).lower()}">{text}</button>'
    speaker = row.speaker or "–"
    speaker_cell = f'<span title="{html.escape(speaker)}">{html.escape(shortened(speaker))}</span>'
    cells = (button, row.split, speaker_cell, f"{row.duration_s:.1f} s")
    inner = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr data-row="{index}" class="{"chosen" if is_opened else ""}">{inner}</tr>'


def position_html(page: RowPage) -> str:
    """The position in the list, for example '16–30 of 532 clips'."""
    if not page.rows:
        return ""
    clips = "clip" if page.total == 1 else "clips"
    last = page.first + len(page.rows)
    return f'<p class="qal-place" role="status">{page.first + 1:,}–{last:,} of {page.total:,} {clips}</p>'


def row_details(row: Row) -> str:
    """File, split, speaker and source of a row in one line; a long speaker id is shortened."""
    return " · ".join(text for text in (row.audio, row.split, shortened(row.speaker or ""), row.source) if text)


def shortened(name: str) -> str:
    """A speaker id of at most MAX_SPEAKER_CHARS characters; some datasets have hashes of 128."""
    return name if len(name) <= MAX_SPEAKER_CHARS else f"{name[: MAX_SPEAKER_CHARS - 1]}…"


def duration_text(duration_s: float) -> str:
    """A duration in the unit that fits: '40 s', '20 min' or '1.5 h'."""
    if duration_s < 60:
        return f"{duration_s:.0f} s"
    return f"{duration_s / 3600:.1f} h" if duration_s >= 3600 else f"{duration_s / 60:.0f} min"


def language_name(code: str) -> str:
    return LANGUAGE_NAMES.get(code, code).capitalize()
