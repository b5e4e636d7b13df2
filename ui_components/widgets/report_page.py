"""A report as one HTML page that needs no other file and no network; it contains Plotly's code. Light and dark."""

import html
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

PLOTLY_CONFIG = {"displaylogo": False, "responsive": True}
HEIGHT_PX = 340  # with the legend
RESIZE_JS = "document.querySelectorAll('.js-plotly-plot').forEach((plot) => Plotly.Plots.resize(plot))"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1c1b19;
  background: #fff; }
h1 { font-size: 1.4rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1rem; margin: 0 0 .5rem; }
p { color: #57534c; margin: .25rem 0 1.25rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 1.25rem; }
section { border: 1px solid #e6e3dd; border-radius: 8px; padding: 1rem; overflow-x: auto; min-width: 0; }
section p:last-child { margin-bottom: 0; } .wide { grid-column: 1 / -1; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums;
  margin-bottom: .75rem; white-space: nowrap; }
th, td { text-align: right; padding: .45rem .4rem; border-top: 1px solid #e6e3dd; }
@media (max-width: 40rem) { table { white-space: normal; } body { margin-top: 1rem; } }
th { font-weight: 600; color: #57534c; } th:first-child, td:first-child { text-align: left; }
.better { color: #137468; font-weight: 600; } .worse, .problem { color: #a8340a; font-weight: 600; }
@media (prefers-color-scheme: dark) { body { color: #f3f1ed; background: #131211; } p, th { color: #a29d93; }
  section, th, td { border-color: #413e39; } .better { color: #43aea0; } .worse, .problem { color: #ff9d75; } }
"""


class Section(NamedTuple):
    """A part of a report."""

    title: str  # plain text
    content: str  # HTML
    is_wide: bool = False  # over the whole width of the page


def report_page_html(title: str, description: str, sections: Sequence[Section], style: str = "") -> str:
    """Returns the page.

    Args:
        title: plain text, the heading.
        description: plain text below it.
        sections: in order.
        style: further CSS."""
    name = html.escape(title)
    panels = "".join(_section_html(section) for section in sections)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}{style}</style>'
        f"<script>{get_plotlyjs()}</script></head><body><h1>{name}</h1><p>{html.escape(description)}</p>"
        f'<div class="panels">{panels}</div><script>{RESIZE_JS}</script></body></html>'
    )


def figure_html(figure: go.Figure | None, name: str, height_px: int = HEIGHT_PX) -> str:
    """Returns a chart as HTML.

    Args:
        figure: the chart; None: not measured.
        name: the element's id.
        height_px: its height, in pixels."""
    if figure is None:
        return "<p>Not measured.</p>"
    figure.update_layout(height=height_px)
    return to_html(figure, config=PLOTLY_CONFIG, include_plotlyjs=False, full_html=False, div_id=name)


def _section_html(section: Section) -> str:
    opening = '<section class="wide">' if section.is_wide else "<section>"
    return f"{opening}<h2>{html.escape(section.title)}</h2>{section.content}</section>"
