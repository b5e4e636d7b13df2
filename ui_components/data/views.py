"""The HTML of the table of a dataset's clips. Pure functions; all text is escaped."""

import html

from qal.corpus.manifest import Row
from qal.corpus.query import Example, ExamplePage
from qal.corpus.query_table import MEASURES
from ui_components.data.corpora import ALL, FILE_ORDER, MEASURE_TITLES, ROWS_PER_PAGE, TableFilter
from ui_components.data.dashboard.overview_view import duration_text

MAX_SPEAKER_CHARACTERS = 20
NO_MATCH = "No clip matches. Use fewer words, or remove a filter."
COLUMNS = ("text", "split", "speaker", "duration")
OWN_COLUMNS = ("duration_s", FILE_ORDER)  # measures that the table shows anyway
PICK_JS = """element.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-row]");
  if (row && !getSelection().toString()) trigger("pick", { row: Number(row.dataset.row) });
});"""


def rows_html(page: ExamplePage, opened: int | None, wanted: TableFilter = TableFilter()) -> str:  # noqa: B008 - frozen
    """The table of one page. `opened` is the index of the opened row. A click on a row, or its button, opens it."""
    if not page.examples:
        return f'<p class="qal-note">{NO_MATCH}</p>'
    measure = shown_measure(wanted)
    titles = [*COLUMNS, *([MEASURE_TITLES.get(measure, measure)] if measure else [])]
    head = f"<tr>{''.join(f'<th scope=col>{title}</th>' for title in titles)}</tr>"
    rows = "".join(_row_html(example, example.index == opened, measure) for example in page.examples)
    return f'<div class="qal-table qal-rows"><table>{head}{rows}</table></div>'


def shown_measure(wanted: TableFilter) -> str:
    """The measure that has a column of its own: the one that sorts, else the one that filters; "" for none."""
    candidates = (wanted.sort, "" if wanted.measure == ALL else wanted.measure)
    return next((name for name in candidates if name in MEASURES and name not in OWN_COLUMNS), "")


def _row_html(example: Example, is_opened: bool, measure: str) -> str:
    row = example.row
    text = html.escape(row.text.strip()) or '<span class="none">no text</span>'
    button = f'<button type="button" dir="auto" aria-pressed="{str(is_opened).lower()}">{text}</button>'
    marks = "".join(f'<span class="mark">{html.escape(mark)}</span>' for mark in row.marks)
    speaker = f'<span title="{html.escape(row.speaker)}">{html.escape(shortened(row.speaker) or "–")}</span>'
    cells = [button + marks, row.split, speaker, f"{row.duration_s:.1f} s"]
    if measure:
        value = example.measures.get(measure)
        cells.append("–" if value is None else f"{value:.3g}")
    classes = " ".join(filter(None, ("chosen" if is_opened else "", "marked" if row.marks else "")))
    return f'<tr data-row="{example.index}" class="{classes}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def position_html(page: ExamplePage) -> str:
    """The position in the list, for example '16–30 of 532 clips, 40 min'."""
    if not page.examples:
        return ""
    clips = "clip" if page.total == 1 else "clips"
    first = page.number * ROWS_PER_PAGE
    last, amount = first + len(page.examples), duration_text(page.duration_s)
    return f'<p class="qal-place" role="status">{first + 1:,}–{last:,} of {page.total:,} {clips}, {amount}</p>'


def is_last(page: ExamplePage) -> bool:
    return page.number * ROWS_PER_PAGE + len(page.examples) >= page.total


def row_details(row: Row) -> str:
    """File, split, speaker, source, marks and notes of a row, in one line and what follows it."""
    parts = (row.audio, row.split, shortened(row.speaker), row.source, *row.marks)
    return "\n".join((" · ".join(text for text in parts if text), *row.notes))


def shortened(speaker: str) -> str:
    """A speaker's name with its middle left out if it is long, as the ids of some datasets are."""
    if len(speaker) <= MAX_SPEAKER_CHARACTERS:
        return speaker
    kept = MAX_SPEAKER_CHARACTERS // 2
    return f"{speaker[:kept]}…{speaker[-kept:]}"
