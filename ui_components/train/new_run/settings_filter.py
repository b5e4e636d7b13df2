"""The search in the advanced settings: it hides those that do not match and opens the accordions of the others."""

import html
from typing import Any, NamedTuple

import gradio as gr

from ui_components.app.studio import Studio
from ui_components.train.new_run.settings import (
    ACCORDIONS,
    BASIC_SETTINGS,
    FORM_SETTINGS,
    MAIN_ID,
    MAIN_SETTINGS,
    SETTINGS_BY_NAME,
    accordion_of,
    form_sections,
    label_of,
    section_id,
)
from ui_components.train.new_run.view import counted

MIN_QUERY_CHARS = 2  # a single letter is in nearly every setting


class FilterUpdate(NamedTuple):
    """Outputs of `filter_settings`, or their components: a note with a style sheet, and the accordions."""

    note: Any
    accordions: tuple[Any, ...]


def filter_settings(studio: Studio, query: str | None) -> FilterUpdate:
    """Shows the advanced settings that match the query; a query that is too short shows all of them."""
    words = (query or "").casefold().split()
    if len("".join(words)) < MIN_QUERY_CHARS:
        return FilterUpdate("", tuple(gr.Accordion(visible=True, open=False) for _ in ACCORDIONS))
    found = matching_settings(words)
    places = {accordion_of(name) for name in found}
    accordions = tuple(gr.Accordion(visible=title in places, open=title in places) for title in ACCORDIONS)
    return FilterUpdate(filter_html(query or "", found), accordions)


def advanced_settings() -> list[str]:
    """The names of the settings that are not always visible."""
    return [setting.name for setting in FORM_SETTINGS if setting.name not in BASIC_SETTINGS]


def matching_settings(words: list[str]) -> list[str]:
    """The advanced settings whose label, name, help or group holds each of the words (in lower case)."""
    return [name for name in advanced_settings() if all(word in searchable_text(name) for word in words)]


def searchable_text(name: str) -> str:
    setting = SETTINGS_BY_NAME[name]
    return " ".join([label_of(name), name, setting.help, accordion_of(name) or ""]).casefold()


def filter_html(query: str, found: list[str]) -> str:
    """The number of settings that were found, and a style sheet that hides the others and their headings."""
    if not found:
        return f'<p class="qal-muted" role="status">No setting matches “{html.escape(query.strip())}”.</p>'
    hidden = [f"#{SETTINGS_BY_NAME[name].element_id}" for name in advanced_settings() if name not in found]
    if not set(MAIN_SETTINGS) & set(found):
        hidden.append(f"#{MAIN_ID}")
    for title in ACCORDIONS:
        for section in form_sections(title):
            if section.heading and not set(section.names) & set(found):
                hidden.append(f"#{section_id(title, section.heading)}")
    style = f"<style>{','.join(hidden)}{{display: none !important}}</style>" if hidden else ""
    return f'<p class="qal-muted" role="status">{counted(len(found), "setting")} found.</p>{style}'
