"""Words over the spectrogram of one recording, and the attention of a model over it. Pure functions."""

import base64
import html
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from qal.audio.overview import Overview, Values
from qal.audio.samples import HOP, SAMPLE_RATE, Samples
from qal.engine.words import Word
from qal.evaluation.errors.attention import CrossAttention
from ui_components.evaluate.errors.figures import SHARES
from ui_components.train.run.figures import AMBER, GREY, LARGE_HEIGHT_PX, TEAL, empty_chart
from ui_components.widgets.audio_view.view import encode_png, grey_levels

MAX_COLUMNS = 1500  # of the spectrogram
LANE_HEIGHT = 0.22  # of a line of words, where the spectrogram has 1
TOKEN_PX, AROUND_PX = 16, 80
COLOURS = (TEAL, AMBER)  # of the lanes


class Lane(NamedTuple):
    """A text with its words' times, shown as one line."""

    name: str  # such as "reference"
    words: Sequence[Word]


def log_mel_of(samples: Samples) -> Values:
    """Returns the log-mel of a recording as log10 of the power: (n,) at 16 kHz -> (80, columns)."""
    overview = Overview(2, MAX_COLUMNS)
    overview.feed(samples)
    overview.flush()
    return overview.mel


def word_alignment_figure(samples: Samples, lanes: Sequence[Lane]) -> go.Figure:
    """The spectrogram of a recording with its words below it, each from its start to its end.

    Args:
        samples: (n,) at 16 kHz, not empty.
        lanes: the texts, such as the reference and the transcript."""
    duration_s = len(samples) / SAMPLE_RATE
    figure = empty_chart("seconds", "", LARGE_HEIGHT_PX)
    _add_spectrogram(figure, log_mel_of(samples), duration_s)
    for i, lane in enumerate(lanes):
        _add_lane(figure, lane, -LANE_HEIGHT * (i + 1), COLOURS[i % len(COLOURS)])
    names = [html.escape(lane.name) for lane in lanes]
    centres = [-LANE_HEIGHT * (i + 0.5) for i in range(len(lanes))]
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_xaxes(range=[0, duration_s], rangemode="normal", showgrid=False)
    figure.update_yaxes(
        range=[-LANE_HEIGHT * len(lanes), 1],
        tickvals=[*centres, 0.5],
        ticktext=[*names, "log-mel"],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    return figure


def attention_figure(attention: CrossAttention, duration_s: float) -> go.Figure:
    """The attention of each token (lines, the first on top) over the recording, as a heat map."""
    tokens, positions = attention.weights.shape
    figure = empty_chart("seconds", "", AROUND_PX + TOKEN_PX * tokens)
    figure.add_heatmap(
        z=np.round(attention.weights / np.maximum(attention.weights.max(1, keepdims=True), 1e-9), 3),
        x=np.round((np.arange(positions) + 0.5) * attention.position_s, 3),
        y=list(range(tokens)),
        customdata=[[html.escape(token)] * positions for token in attention.tokens],
        colorscale=SHARES,
        showscale=False,
        hovertemplate="%{customdata} at %{x:.2f} s<extra></extra>",
    )
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_xaxes(range=[0, min(duration_s, positions * attention.position_s)], rangemode="normal")
    labels = [html.escape(token) for token in attention.tokens]
    figure.update_yaxes(tickvals=list(range(tokens)), ticktext=labels, autorange="reversed", showgrid=False)
    return figure


def _add_spectrogram(figure: go.Figure, mel: Values, duration_s: float) -> None:
    picture = base64.b64encode(encode_png(grey_levels(mel))).decode()
    figure.add_layout_image(
        source=f"data:image/png;base64,{picture}",
        xref="x",
        yref="y",
        x=-HOP / SAMPLE_RATE / 2,  # a frame is centred on its time
        y=1,
        sizex=duration_s + HOP / SAMPLE_RATE,
        sizey=1,
        sizing="stretch",
        layer="below",
    )


def _add_lane(figure: go.Figure, lane: Lane, bottom: float, colour: str) -> None:
    """Adds a box for each word, with its text, and its time and probability at the pointer."""
    for word in lane.words:
        box = {"x0": word.start_s, "x1": word.end_s, "y0": bottom, "y1": bottom + LANE_HEIGHT}
        line = {"color": colour, "width": 1}
        figure.add_shape(type="rect", **box, line=line, fillcolor=colour, opacity=0.15 + 0.45 * word.probability)
    figure.add_scatter(
        x=[round((word.start_s + word.end_s) / 2, 3) for word in lane.words],
        y=[bottom + LANE_HEIGHT / 2] * len(lane.words),
        text=[html.escape(word.text.strip()) for word in lane.words],
        customdata=[[round(w.start_s, 2), round(w.end_s, 2), round(100 * w.probability)] for w in lane.words],
        mode="text",
        textfont={"color": GREY, "size": 12},
        hovertemplate="%{text}: %{customdata[0]} to %{customdata[1]} s, %{customdata[2]} %<extra></extra>",
    )
