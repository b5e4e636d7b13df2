"""The table of models: its rows, filter and sort order. Pure functions."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from qal.checks.findings import gigabytes
from qal.engine.model_directory import MeasuredScore
from qal.engine.weights.stock_models import ModelDimensions
from ui_components.models.inventory import Model, Place
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import note_html

PLACE_LABELS: dict[Place, str] = {
    "cache": "Installed",
    "run": "Fine-tuned here",
    "hub": "Installed (hub cache)",
    "folder": "Local folder",
    "absent": "Download",
}
MAX_SHOWN_LANGUAGES = 3
MAX_TITLE_LENGTH = 60
NO_VALUE = "–"


@dataclass(frozen=True)
class Column:
    name: str
    title: str


COLUMNS = (
    Column("name", "Model"),
    Column("error_rate", "Error rate (95 %)"),
    Column("context", "Window"),
    Column("languages", "Languages"),
    Column("size", "Size"),
    Column("parameters", "Parameters"),
    Column("layers", "Layers"),
    Column("width", "Width"),
    Column("heads", "Heads"),
)


def table_html(models: Sequence[Model], selected: str | None, order: str) -> str:
    """The table as HTML.

    Args:
        models: the rows, already sorted.
        selected: the key of the selected model.
        order: the name of the sort column, "-" before it for descending; "" for the catalogue's order."""
    if not models:
        return note_html("No model matches; clear the filter to see all models.")
    head = "".join(_head_cell(column, order) for column in COLUMNS)
    rows = "".join(_row(model, model.key == selected) for model in models)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return (
        f'<div class="qal-table qal-models" data-scrolls tabindex="0" role="region" aria-label="Models">{table}</div>'
        '<p class="qal-muted">Layers: encoder + decoder. '
        "Parameters, layers, width and heads of stock models are the published ones.</p>"
    )


def _head_cell(column: Column, order: str) -> str:
    is_sorted, is_descending = order.removeprefix("-") == column.name, order.startswith("-")
    direction = "none" if not is_sorted else "descending" if is_descending else "ascending"
    arrow = "" if not is_sorted else " ↓" if is_descending else " ↑"
    return (
        f'<th aria-sort="{direction}"><button type="button" data-sort="{column.name}">'
        f"{html.escape(column.title)}{arrow}</button></th>"
    )


def _row(model: Model, is_selected: bool) -> str:
    d = model.dimensions
    shape = (f"{d.encoder_layers} + {d.decoder_layers}", str(d.width), str(d.heads)) if d else (NO_VALUE,) * 3
    cells = (
        _name_cell(model, is_selected),
        _score_cell(model.measured),
        window_text(model),
        html.escape(languages_text(model)),
        html.escape(size_text(model)),
        parameters_text(d),
        *shape,
    )
    body = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr data-key="{html.escape(model.key)}"{" class=chosen" if is_selected else ""}>{body}</tr>'


def _name_cell(model: Model, is_selected: bool) -> str:
    css_class = "bad" if model.problem else "" if model.place == "absent" else "on"
    label = "cannot be read" if model.problem else PLACE_LABELS[model.place]
    title = html.escape(short_title(model.title))
    pressed, tooltip = str(is_selected).lower(), html.escape(model.title)
    button = f'<button type="button" class="pick" aria-pressed="{pressed}" title="{tooltip}">{title}</button>'
    return f'{button} <span class="qal-badge {css_class}">{label}</span>'


def short_title(title: str) -> str:
    return title if len(title) <= MAX_TITLE_LENGTH else title[: MAX_TITLE_LENGTH - 1] + "…"


def parameters_text(d: ModelDimensions | None) -> str:
    if not d:
        return NO_VALUE
    millions = d.parameters / 1e6
    return f"{millions:.0f} M" if millions >= 10 else f"{millions:.1f} M"


def size_text(model: Model) -> str:
    if model.directory is None:
        return f"≈ {gigabytes(model.size)}" if model.size else NO_VALUE
    return gigabytes(model.size)


def languages_text(model: Model) -> str:
    """The languages that a model was fine-tuned for: names if they are few, else "99; fine-tuned for 14".

    For other models, the number of languages in the vocabulary."""
    if model.languages and len(model.languages) <= MAX_SHOWN_LANGUAGES:
        return ", ".join(LANGUAGE_NAMES.get(code, code).capitalize() for code in model.languages)
    count = model.dimensions.languages if model.dimensions else 0
    vocabulary = "English" if count == 1 else str(count) if count else ""
    fine_tuned = f"fine-tuned for {len(model.languages)}" if model.languages else ""
    return "; ".join(text for text in (vocabulary, fine_tuned) if text) or NO_VALUE


def _score_cell(measured: MeasuredScore | None) -> str:
    """The error rate that decides, and below it what it rests on."""
    if not measured:
        return NO_VALUE
    return f'{measured.error_rate.named_text}<div class="qal-muted">{html.escape(measured.basis)}</div>'


def window_text(model: Model) -> str:
    return NO_VALUE if model.problem else "adaptive" if model.adaptive else "30 s"


def sorted_models(models: Sequence[Model], order: str) -> list[Model]:
    """Sorts by a column. Models without a value come last in both directions."""
    column, descending = order.removeprefix("-"), order.startswith("-")
    if not column:
        return list(models)
    with_value = [model for model in models if sort_value(model, column) is not None]
    without_value = [model for model in models if sort_value(model, column) is None]
    key: Any = partial(sort_value, column=column)
    return sorted(with_value, key=key, reverse=descending) + without_value


def sort_value(model: Model, column: str) -> float | str | None:
    """The value that a column is sorted by, None if the model has none."""
    d = model.dimensions
    if column == "name":
        return model.title.lower()
    if column == "size":
        return model.size or None
    if column == "error_rate":
        return model.measured.error_rate.rate if model.measured else None
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


def filter_models(models: Sequence[Model], words: str, where: str) -> list[Model]:
    """The models that match the filter.

    Args:
        models: all models.
        words: each word must be in the text of the model's row or card.
        where: "" for all models, "here" (installed), "run" or "absent"."""
    wanted = words.lower().split()
    return [m for m in models if _is_at(m, where) and all(word in _searchable_text(m) for word in wanted)]


def _is_at(model: Model, where: str) -> bool:
    return not where or (model.directory is not None if where == "here" else model.place == where)


def _searchable_text(model: Model) -> str:
    languages = [word for code in model.languages for word in (code, LANGUAGE_NAMES.get(code, ""))]
    corpus = model.measured.corpus if model.measured else ""
    window = "adaptive" if model.adaptive else "30 s"
    texts = [model.title, model.key, model.base, PLACE_LABELS[model.place], corpus, window]
    return " ".join([*texts, *languages, languages_text(model), model.problem]).lower()
