"""A report as a PNG image of four panels, drawn by Matplotlib without a browser."""

import io
import threading
import warnings
from collections.abc import Callable
from typing import Any

SIZE_INCHES, DPI = (13.0, 8.0), 120
TEXT, MUTED_TEXT, LIGHT_TEXT, GRID = "#413e39", "#57534c", "#a29d93", "#e6e3dd"
FONTS = ("DejaVu Sans", "Noto Sans Ethiopic", "Abyssinica SIL", "Noto Sans CJK SC", "Noto Sans Arabic", "Noto Sans")
MAX_TITLE_CHARS, MAX_SUBTITLE_CHARS = 80, 130
LOCK = threading.Lock()  # Matplotlib is not safe for threads


def four_panels_png(title: str, subtitle: str, draw: Callable[[Any], None]) -> bytes:
    """Draws a report.

    Args:
        title: plain text, the heading.
        subtitle: plain text below it.
        draw: draws into the panels, an array of Matplotlib's axes, (2, 2)."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # imported late, because the import is slow
    from matplotlib.figure import Figure
    from matplotlib.font_manager import get_font_names

    fonts = [font for font in FONTS if font in get_font_names()]
    with LOCK, warnings.catch_warnings(), rc_context({"font.family": fonts, "text.parse_math": False}):
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # it is drawn as a box
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white", layout=None)
        FigureCanvasAgg(figure)
        panels = figure.subplots(2, 2, gridspec_kw={"width_ratios": (1, 1.05)})
        figure.subplots_adjust(left=0.06, right=0.97, top=0.85, bottom=0.08, wspace=0.16, hspace=0.36)
        style = {"x": 0.06, "ha": "left"}
        figure.text(y=0.945, s=cut(title, MAX_TITLE_CHARS), fontsize=17, fontweight="bold", color=TEXT, **style)
        figure.text(y=0.91, s=cut(subtitle, MAX_SUBTITLE_CHARS), fontsize=10, color=MUTED_TEXT, **style)
        draw(panels)
        png = io.BytesIO()
        figure.savefig(png, format="png")
    return png.getvalue()


def prepare_panel(panel: Any, title: str, x_title: str) -> None:
    """Gives a panel the common look."""
    panel.set_title(title, loc="left", fontsize=12, color=TEXT, fontweight="bold")
    panel.set_xlabel(x_title, color=MUTED_TEXT)
    panel.grid(color=GRID, linewidth=0.8)
    panel.tick_params(colors=MUTED_TEXT, length=0)
    panel.set_axisbelow(True)
    for spine in panel.spines.values():
        spine.set_visible(False)


def add_legend(panel: Any, columns: int = 1) -> None:
    """Adds a legend; without named lines or bars, nothing."""
    if panel.get_legend_handles_labels()[0]:
        panel.legend(frameon=False, fontsize=9, labelcolor=TEXT, ncols=columns)


def cut(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else f"{text[: max_chars - 1]}…"
