"""What happens on the Data tab while a corpus is looked through."""

from pathlib import Path
from typing import Any

import gradio as gr

from qal.errors import AudioDecodeError
from ui_components.app.studio import Studio
from ui_components.data.corpora import ALL, known_corpus, other_voices, page_of, row_at
from ui_components.data.sample_corpus import no_corpus
from ui_components.data.views import corpus_html, place_html, rows_html, told_of
from ui_components.widgets.audio_view.actions import Sound, look
from ui_components.widgets.choices import chosen, corpus_choices

VOICES = 12  # other rows that babble is made of

Version = tuple[str, str] | None  # of the corpus that the page shows
Table = tuple[str, str, int, gr.Button, gr.Button]  # rows, which they are, page, back, on


def offer(studio: Studio, folder: str | None) -> tuple[gr.Dropdown, str, gr.Button, gr.Column, gr.Column]:
    """The corpora there are; a choice that was made stays -> (corpus, note, fetch button, its figures, its rows)."""
    choices = corpus_choices(studio.data)
    return (
        gr.Dropdown(choices=choices, value=chosen(choices, folder)),
        "" if choices else no_corpus(studio),
        gr.Button(visible=not choices),
        gr.Column(visible=bool(choices)),
        gr.Column(visible=bool(choices)),
    )


def describe(studio: Studio, folder: str | None) -> str:
    """A corpus in figures."""
    if not folder:
        return ""
    known = known_corpus(studio.data, folder)
    return corpus_html(known.corpus.info, known.figures, [row.duration_s for row in known.corpus.rows])


def page(studio: Studio, folder: str | None, search: str, split: str, number: int, chosen_row: int | None) -> Table:
    """A page of the rows that are searched for."""
    if not folder:
        return "", "", 0, gr.Button(interactive=False), gr.Button(interactive=False)
    shown = page_of(known_corpus(studio.data, folder).corpus, search, split, number)
    back, on = gr.Button(interactive=shown.number > 0), gr.Button(interactive=not shown.is_last)
    return rows_html(shown, chosen_row), place_html(shown), shown.number, back, on


def first_page(studio: Studio, folder: str | None, search: str, split: str, number: int, row: int | None) -> Table:
    """Something else is searched for."""
    return page(studio, folder, search, split, 0, row)


def page_before(studio: Studio, folder: str | None, search: str, split: str, number: int, row: int | None) -> Table:
    return page(studio, folder, search, split, number - 1, row)


def next_page(studio: Studio, folder: str | None, search: str, split: str, number: int, row: int | None) -> Table:
    return page(studio, folder, search, split, number + 1, row)


def reread(
    studio: Studio, seen: Version, folder: str | None, search: str, split: str, number: int, row: int | None
) -> tuple[Any, ...]:
    """The corpus may have grown meanwhile -> (its version, figures, table...); what is shown already stays."""
    version = known_corpus(studio.data, folder).version if folder else None
    if version and version == seen:
        return (gr.skip(),) * 7
    return version, describe(studio, folder), *page(studio, folder, search, split, number, row)


def another(studio: Studio, folder: str | None) -> tuple[Any, ...]:
    """Another corpus: nothing of the one before stays -> (version, figures, search, split, chosen row, table...)."""
    version = known_corpus(studio.data, folder).version if folder else None
    return version, describe(studio, folder), "", ALL, None, *page(studio, folder, "", ALL, 0, None)


def pick(studio: Studio, folder: str | None, event: gr.EventData) -> tuple[int, dict[str, Any], Sound]:
    """A row of the table -> (its place, the sound view)."""
    corpus = known_corpus(studio.data, folder).corpus
    place, row = row_at(corpus, event._data.get("row") if isinstance(event._data, dict) else None)
    path = corpus.audio_path(row).resolve()
    voices = other_voices(corpus, row, VOICES)
    return place, *look(path, row.text or path.name, told_of(row), voices)


def own(
    studio: Studio,
    path: str | None,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio wants it
) -> tuple[None, dict[str, Any], Sound]:
    """A file that somebody gave -> (room for the next one, the sound view)."""
    if not path:
        raise AudioDecodeError("choose an audio file or record one first")
    progress(0, desc="reading the file")
    return None, *look(Path(path), Path(path).name, progress=progress)
