"""The table of models: what a row says, which rows are shown and in which order. Pure functions."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from qal.checks.findings import gigabytes
from qal.engine.model_directory import MeasuredWer
from qal.engine.stock_models import Dimensions
from ui_components.models.inventory import Model, Place
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import note_html

PLACES: dict[Place, str] = {
    "cache": "here",
    "run": "tuned here",
    "hub": "hub's cache",
    "folder": "given folder",
    "absent": "to fetch",
}
SHOWN_LANGUAGES = 3
MAX_TITLE = 60
NOTHING = "–"


@dataclass(frozen=True)
class Column:
    name: str
    title: str


COLUMNS = (
    Column("name", "Model"),
    Column("wer", "WER (95 %)"),
    Column("context", "Context"),
    Column("languages", "Languages"),
    Column("size", "Size"),
    Column("parameters", "Parameters"),
    Column("layers", "Layers"),
    Column("width", "Width"),
    Column("heads", "Heads"),
)


def table_html(models: Sequence[Model], chosen: str | None, order: str) -> str:
    """`order`: the column that it is sorted by, "-" before it for downwards; "" for the catalogue's own."""
    if not models:
        return note_html("No model is like that; empty the filter to see them all.")
    head = "".join(_head(column, order) for column in COLUMNS)
    rows = "".join(_row(model, model.key == chosen) for model in models)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return (
        f'<div class="qal-table qal-models" data-scrolls tabindex="0" role="region" aria-label="Models">{table}</div>'
        '<p class="qal-muted">Parameters, layers, width and heads of stock models as published; '
        "layers are the encoder's + the decoder's.</p>"
    )


def _head(column: Column, order: str) -> str:
    down = order == f"-{column.name}"
    mark = "" if order.removeprefix("-") != column.name else " ↓" if down else " ↑"
    sorts = "none" if not mark else "descending" if down else "ascending"
    return (
        f'<th aria-sort="{sorts}"><button type="button" data-sort="{column.name}">'
        f"{html.escape(column.title)}{mark}</button></th>"
    )


def _row(model: Model, chosen: bool) -> str:
    d = model.dimensions
    badge = "bad" if model.problem else "" if model.place == "absent" else "on"
    place = "cannot be read" if model.problem else PLACES[model.place]
    name = (
        f'<button type="button" class="pick" aria-pressed="{str(chosen).lower()}">{html.escape(short(model.title))}'
        f'</button> <span class="qal-badge {badge}">{place}</span>'
    )
    shape = (f"{d.encoder_layers} + {d.decoder_layers}", str(d.width), str(d.heads)) if d else (NOTHING,) * 3
    cells = (
        name,
        wer(model.measured),
        context(model),
        html.escape(languages(model)),
        html.escape(size(model)),
        parameters(d),
        *shape,
    )
    body = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr data-key="{html.escape(model.key)}"{" class=chosen" if chosen else ""}>{body}</tr>'


def short(title: str) -> str:
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"


def parameters(d: Dimensions | None) -> str:
    if not d:
        return NOTHING
    millions = d.parameters / 1e6
    return f"{millions:.0f} M" if millions >= 10 else f"{millions:.1f} M"


def size(model: Model) -> str:
    if model.directory is None:
        return f"≈ {gigabytes(model.size)}" if model.size else NOTHING
    return gigabytes(model.size)


def languages(model: Model) -> str:
    if model.languages:
        first = [LANGUAGE_NAMES.get(code, code).capitalize() for code in model.languages[:SHOWN_LANGUAGES]]
        more = len(model.languages) - len(first)
        return f"{len(model.languages)} tuned" if more > 0 else ", ".join(first)
    count = model.dimensions.languages if model.dimensions else 0
    return "English" if count == 1 else str(count) if count else NOTHING


def wer(measured: MeasuredWer | None) -> str:
    if not measured:
        return NOTHING
    return f"{100 * measured.wer:.1f} % ({100 * measured.low:.1f} – {100 * measured.high:.1f})"


def context(model: Model) -> str:
    return NOTHING if model.problem else "adaptive" if model.adaptive else "30 s"


def sorted_models(models: Sequence[Model], order: str) -> list[Model]:
    """By a column; what has no value there comes last, up or down."""
    column, down = order.removeprefix("-"), order.startswith("-")
    if not column:
        return list(models)
    known = [m for m in models if value_of(m, column) is not None]
    unknown = [m for m in models if value_of(m, column) is None]
    return sorted(known, key=lambda m: value_of(m, column), reverse=down) + unknown  # type: ignore[arg-type]


def value_of(model: Model, column: str) -> float | str | None:
    d = model.dimensions
    if column == "name":
        return model.title.lower()
    if column == "size":
        return model.size or None
    if column == "wer":
        return model.measured.wer if model.measured else None
    if column == "context":
        return None if model.problem else 0.0 if model.adaptive else 1.0
    if not d:
        return None
    counts = {
        "parameters": d.parameters,
        "layers": d.encoder_layers + d.decoder_layers,
        "width": d.width,
        "heads": d.heads,
        "languages": len(model.languages) or d.languages,
    }
    return counts.get(column)


def matching(models: Sequence[Model], words: str, where: str) -> list[Model]:
    """`where`: "" for all, "here", "run" or "absent". Every word must stand in what the table or the card says."""
    wanted = words.lower().split()
    return [m for m in models if _is_where(m, where) and all(word in _text_of(m) for word in wanted)]


def _is_where(model: Model, where: str) -> bool:
    return not where or (model.directory is not None if where == "here" else model.place == where)


def _text_of(model: Model) -> str:
    spoken = [word for code in model.languages for word in (code, LANGUAGE_NAMES.get(code, ""))]
    corpus = model.measured.corpus if model.measured else ""
    hears = "adaptive" if model.adaptive else "30 s"
    parts = [model.title, model.base, PLACES[model.place], corpus, hears, *spoken, languages(model), model.problem]
    return " ".join(parts).lower()
