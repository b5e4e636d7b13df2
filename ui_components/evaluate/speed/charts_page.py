"""A page of charts and a table as one HTML file that needs no other file and no network."""

import html
from collections.abc import Sequence

from plotly.io import to_html
from plotly.offline import get_plotlyjs

from ui_components.train.run.charts import Chart
from ui_components.widgets.report_page import PLOTLY_CONFIG, RESIZE_JS, STYLE


def charts_page(title: str, sentences: Sequence[str], charts: Sequence[Chart], cells: Sequence[Sequence[str]]) -> str:
    """Returns the page.

    Args:
        title: its heading.
        sentences: what the figures rest on and what was found.
        charts: the charts, in order.
        cells: the table, its header first."""
    heading = html.escape(title)
    paragraphs = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
    panels = "".join(f"<section><h2>{html.escape(c.title)}</h2>{_plot(c)}</section>" for c in charts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{heading}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>'
        f"<script>{get_plotlyjs()}</script></head><body><h1>{heading}</h1>{paragraphs}"
        f'<div class="panels">{panels}<section class="wide">{table_html(cells)}</section></div>'
        f"<script>{RESIZE_JS}</script></body></html>"
    )


def table_html(cells: Sequence[Sequence[str]]) -> str:
    """Returns a table, its header first; all cells are escaped."""
    header, *rows = cells
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _plot(chart: Chart) -> str:
    return to_html(chart.figure, config=PLOTLY_CONFIG, include_plotlyjs=False, full_html=False, div_id=chart.name)
