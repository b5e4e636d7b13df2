"""Charts of a dataset: histograms of its measures, frequent words, tokens per word, hours of the speakers."""

import html
from collections.abc import Sequence

import plotly.graph_objects as go

from qal.corpus.query import Amount, Bin, Count
from ui_components.data.dashboard.overview import Overview
from ui_components.data.dashboard.tokens import MAX_BIN, TokenStatistics
from ui_components.train.run.charts import Chart, board_json
from ui_components.train.run.figures import AMBER, SMALL_HEIGHT_PX, TEAL, empty_chart

TITLES = {
    "duration_s": ("Duration", "seconds"),
    "characters_per_s": ("Speed", "characters per second"),
    "snr_db": ("Signal to noise", "dB"),
    "disagreement": ("Disagreement of text and audio", "0: full agreement"),
}
SHOWN_WORDS = 12
SHOWN_SPEAKERS = 20
MAX_LABEL = 18  # characters
SECONDS_PER_MINUTE = 60


def dataset_board(key: str, overview: Overview) -> str:
    """The value of the chart board; charts without data are left out."""
    charts = [
        Chart(name, TITLES[name][0], histogram_figure(bins, TITLES[name][1]))
        for name, bins in overview.histograms.items()
    ]
    if overview.words:
        charts.append(Chart("words", "Frequent words", words_figure(overview.words[:SHOWN_WORDS])))
    if overview.tokens:
        charts.append(Chart("tokens", "Tokens per word", tokens_figure(overview.tokens)))
    if overview.named_speakers > 1:
        charts.append(Chart("speakers", "Speech per speaker", amounts_figure(overview.speakers[:SHOWN_SPEAKERS])))
    if len(overview.languages) > 1:
        charts.append(Chart("languages", "Speech per language", amounts_figure(overview.languages)))
    return board_json(key, charts)


def histogram_figure(bins: Sequence[Bin], unit: str) -> go.Figure:
    """A bar for each bin, between its limits."""
    figure = empty_chart(unit, "clips", SMALL_HEIGHT_PX)
    widths = [max(b.high - b.low, 1e-9) if b.high > b.low else 1.0 for b in bins]
    figure.add_bar(
        x=[round((b.low + b.high) / 2, 4) for b in bins],
        y=[b.count for b in bins],
        width=[round(width, 4) for width in widths],
        customdata=[[f"{b.low:.3g}", f"{b.high:.3g}"] for b in bins],
        hovertemplate="%{customdata[0]} to %{customdata[1]}: %{y}<extra></extra>",
        marker={"color": TEAL, "line": {"width": 0}},
    )
    figure.update_layout(hovermode="closest", bargap=0.06)
    lowest = min(b.low for b in bins)
    figure.update_xaxes(rangemode="tozero" if lowest >= 0 else "normal")
    return figure


def words_figure(words: Sequence[Count]) -> go.Figure:
    """The frequency of words, the most frequent on the left."""
    return _bars([word.text for word in words], [word.count for word in words], "times", TEAL)


def tokens_figure(tokens: TokenStatistics) -> go.Figure:
    """The number of different words by their number of tokens."""
    names = [str(n) if n < MAX_BIN else f"{n}+" for n in range(1, MAX_BIN + 1)]
    figure = _bars(names, tokens.words_by_tokens, "different words", AMBER)
    figure.update_xaxes(title={"text": f"tokens of {html.escape(tokens.model)}", "standoff": 6})
    return figure


def amounts_figure(amounts: Sequence[Amount]) -> go.Figure:
    """Minutes of speech of each speaker or language."""
    names = [amount.name or "(unknown)" for amount in amounts]
    return _bars(names, [round(amount.duration_s / SECONDS_PER_MINUTE, 2) for amount in amounts], "minutes", TEAL)


def _bars(names: Sequence[str], values: Sequence[float], unit: str, colour: str) -> go.Figure:
    figure = empty_chart("", unit, SMALL_HEIGHT_PX)
    positions = list(range(len(names)))
    labels = [html.escape(name if len(name) <= MAX_LABEL else f"{name[: MAX_LABEL - 1]}…") for name in names]
    figure.add_bar(
        x=positions,
        y=list(values),
        customdata=[[html.escape(name)] for name in names],
        hovertemplate="%{customdata[0]}: %{y}<extra></extra>",
        marker={"color": colour, "line": {"width": 0}},
    )
    figure.update_layout(hovermode="closest", bargap=0.25)
    figure.update_xaxes(tickvals=positions, ticktext=labels, rangemode="normal")
    return figure
