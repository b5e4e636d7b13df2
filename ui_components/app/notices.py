"""A bar below the header, on every tab, when the disk or the memory is nearly full."""

import html
from collections.abc import Sequence
from typing import NamedTuple

import gradio as gr

from qal.checks.findings import gigabytes
from qal.checks.storage import Space, disk_is_low, disk_space, memory_is_low, memory_space
from qal.engine.catalogue import models_folder
from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.widgets.clickable import CLICKABLE_JS

CHECK_INTERVAL_S = 15


class Notice(NamedTuple):
    kind: str  # "disk" or "memory"
    sentence: str


class NoticeBar(NamedTuple):
    """Outputs of the handlers."""

    html: str  # "" hides the bar
    dismissed: str  # the kinds of notices that the user has dismissed, as from `kinds_of`


def notices(studio: Studio, page: gr.Blocks) -> None:
    bar = gr.HTML(js_on_load=CLICKABLE_JS)
    dismissed = gr.State("")
    outputs = [bar, dismissed]
    check = action(update_bar, studio)
    gr.on([page.load, gr.Timer(CHECK_INTERVAL_S).tick], check, dismissed, outputs, **EVENT_OPTIONS)
    bar.select(action(dismiss, studio), None, outputs, **EVENT_OPTIONS)


def update_bar(studio: Studio, dismissed: str) -> NoticeBar:
    """Shows the current notices, unless exactly these were dismissed. Any change shows them again."""
    current = current_notices(studio)
    kinds = kinds_of(current)
    if kinds and kinds == dismissed:
        return NoticeBar("", dismissed)
    return NoticeBar(notice_html(current), "")


def dismiss(studio: Studio) -> NoticeBar:
    return NoticeBar("", kinds_of(current_notices(studio)))


def current_notices(studio: Studio) -> list[Notice]:
    """A notice for each disk that is nearly full, and one for low memory."""
    folders = {"data": studio.data, "runs": studio.runs, "models": models_folder()}
    low_disks: dict[Space, list[str]] = {}
    for name, folder in folders.items():
        space = disk_space(folder)
        if disk_is_low(space):
            low_disks.setdefault(space, []).append(name)
    current = [Notice("disk", disk_sentence(space.free, names)) for space, names in low_disks.items()]
    space = memory_space()
    if memory_is_low(space):
        advice = "unload idle models on the System tab"
        current.append(Notice("memory", f"Only {gigabytes(space.free)} of memory are free: {advice}."))
    return current


def disk_sentence(free_bytes: float, folder_names: Sequence[str]) -> str:
    *first, last = folder_names
    names = f"{', '.join(first)} and {last}" if first else last
    free = gigabytes(free_bytes)
    return f"Only {free} are free on the disk of {names}: empty the trash or delete models (Models, Disk)."


def kinds_of(current: Sequence[Notice]) -> str:
    return " ".join(sorted({notice.kind for notice in current}))


def notice_html(current: Sequence[Notice]) -> str:
    """The bar as HTML, "" without notices."""
    if not current:
        return ""
    sentences = " ".join(html.escape(notice.sentence) for notice in current)
    close = '<button type="button" class="dismiss" data-dismiss="all" aria-label="Dismiss">×</button>'
    return f'<div class="qal-notice" role="status"><span>{sentences}</span>{close}</div>'
