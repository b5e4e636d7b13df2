"""A corpus as HTML: what it holds, how long its rows are, and the rows. Pure functions; every word is escaped."""

import html
from collections.abc import Sequence
from itertools import pairwise

from qal.audio.samples import WINDOW_S
from qal.corpus.manifest import UNKNOWN, CorpusInfo, Row
from qal.corpus.statistics import ALL, Figures
from ui_components.data.corpora import Page
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import note_html

EDGES_S = (0, 1, 2, 3, 5, 7, 10, 15, 20, WINDOW_S, float("inf"))  # of the histogram's bars
VERSION_LETTERS = 12
NOTHING_FOUND = "No row holds that. Search for less, or choose another split."
PICK = """element.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-row]");
  if (row && !getSelection().toString()) trigger("pick", { row: Number(row.dataset.row) });
});"""


def corpus_html(info: CorpusInfo, figures: Sequence[Figures], durations_s: Sequence[float]) -> str:
    unknown = '<p class="qal-note">Nobody said on what terms it may be used; ask before you share a model.</p>'
    return (
        f'<div class="qal-corpus"><div class="facts">{_facts(info, figures[-1])}</div>'
        f'<div class="halves">{_origin(info)}{histogram_html(durations_s)}</div>'
        f"{unknown if info.licence == UNKNOWN else ''}{_splits(figures)}</div>"
    )


def _facts(info: CorpusInfo, whole: Figures) -> str:
    speakers = str(whole.speakers) if whole.speakers else "not named"
    facts = [
        (hours(info.duration_s), "of speech"),
        (f"{whole.utterances:,}", "rows"),
        (f"{whole.words:,}", "words"),
        (speakers, "speaker" if whole.speakers == 1 else "speakers"),
        (", ".join(map(language, info.languages)), "language" if len(info.languages) == 1 else "languages"),
    ]
    return "".join(f"<div><b>{html.escape(value)}</b><span>{name}</span></div>" for value, name in facts)


def _origin(info: CorpusInfo) -> str:
    """Where it is from and on what terms."""
    given = [
        ("Source", info.source),
        ("Licence", info.licence),
        ("Attribution", info.attribution),
        ("Notes", info.notes),
        ("Version", info.version[:VERSION_LETTERS]),
    ]
    lines = "".join(f"<dt>{name}</dt><dd dir=auto>{html.escape(text)}</dd>" for name, text in given if text)
    return f'<dl class="origin">{lines}</dl>'


def _splits(figures: Sequence[Figures]) -> str:
    names = ("split", "language", "rows", "minutes", "words", "speakers", "shortest", "median", "longest")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(_split_row(line) for line in figures)
    return f'<div class="qal-table"><table><tr>{head}</tr>{rows}</table></div>{_beyond(figures[-1])}'


def _split_row(line: Figures) -> str:
    times = (f"{s:.1f} s" for s in (line.shortest_s, line.median_s, line.longest_s))
    counts = (f"{line.utterances:,}", f"{line.minutes:,.1f}", f"{line.words:,}", str(line.speakers or "–"), *times)
    named = (line.split, "" if line.language == ALL else language(line.language))
    cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in (*named, *counts))
    return f'<tr class="{"best" if line.split == ALL else ""}">{cells}</tr>'


def _beyond(whole: Figures) -> str:
    count = whole.beyond_window
    rows = f"1 row is longer than {WINDOW_S} s" if count == 1 else f"{count} rows are longer than {WINDOW_S} s"
    told = f"{rows}. Training leaves out what is longer than Whisper hears at once, and than its `max_utterance_s`."
    return note_html(told) if count else ""


def histogram_html(durations_s: Sequence[float]) -> str:
    """How many rows are how long: a bar for each stretch between two EDGES_S, and the same in words."""
    counts = histogram(durations_s)
    most = max(counts, default=0) or 1
    bars = "".join(
        f'<li><span>{count or ""}</span><i style="height:{100 * count / most:.1f}%"></i><em>{name}</em></li>'
        for count, name in zip(counts, _names(), strict=True)
    )
    words = ", ".join(f"{name} s: {count}" for count, name in zip(counts, _names(), strict=True) if count)
    return (
        f'<figure class="qal-histogram" role="img" aria-label="Rows by duration. {words}">'
        f"<figcaption>Rows by duration, in seconds</figcaption><ol aria-hidden=true>{bars}</ol></figure>"
    )


def histogram(durations_s: Sequence[float]) -> list[int]:
    """Rows in each (edge, next edge]; of no length at all: in the first."""
    counts = [sum(low < s <= high for s in durations_s) for low, high in pairwise(EDGES_S)]
    return [counts[0] + sum(s <= 0 for s in durations_s), *counts[1:]]


def _names() -> list[str]:
    return [f"≤{high:g}" if high != float("inf") else f">{low:g}" for low, high in pairwise(EDGES_S)]


def rows_html(page: Page, chosen: int | None) -> str:
    """The table; a click on a row, or its button, picks it."""
    if not page.rows:
        return f'<p class="qal-note">{NOTHING_FOUND}</p>'
    head = "<tr><th>text</th><th>split</th><th>speaker</th><th>duration</th></tr>"
    rows = "".join(_row_html(place, row, place == chosen) for place, row in page.rows)
    return f'<div class="qal-table qal-rows"><table>{head}{rows}</table></div>'


def _row_html(place: int, row: Row, is_chosen: bool) -> str:
    text = html.escape(row.text) or '<span class="none">no text</span>'
    button = f'<button type="button" dir="auto" aria-pressed="{str(is_chosen).lower()}">{text}</button>'
    speaker = html.escape(row.speaker or "–")
    cells = (button, row.split, f'<span title="{speaker}">{speaker}</span>', f"{row.duration_s:.1f} s")
    inner = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr data-row="{place}" class="{"chosen" if is_chosen else ""}">{inner}</tr>'


def place_html(page: Page) -> str:
    """'16–30 of 532 rows'"""
    if not page.rows:
        return ""
    rows = "row" if page.found == 1 else "rows"
    last = page.first + len(page.rows)
    return f'<p class="qal-place" role="status">{page.first + 1:,}–{last:,} of {page.found:,} {rows}</p>'


def told_of(row: Row) -> str:
    """A row in a line: its file, split and speaker."""
    return " · ".join(part for part in (row.audio, row.split, row.speaker, row.source) if part)


def hours(duration_s: float) -> str:
    if duration_s < 60:
        return f"{duration_s:.0f} s"
    return f"{duration_s / 3600:.1f} h" if duration_s >= 3600 else f"{duration_s / 60:.0f} min"


def language(code: str) -> str:
    return LANGUAGE_NAMES.get(code, code).capitalize()
