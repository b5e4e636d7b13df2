"""A slim bar under the header, on every tab, when the disk or the memory runs low."""

import html
from collections.abc import Sequence

import gradio as gr

from qal.checks.findings import gigabytes
from qal.checks.storage import disk_is_low, disk_of, memory, memory_is_low
from qal.engine.catalogue import models_folder
from ui_components.app.studio import QUIET, Studio, action
from ui_components.widgets.clickable import PRESSED

LOOK_EVERY_S = 15
Notice = tuple[str, str]  # (its kind, the sentence)


def notices(studio: Studio, page: gr.Blocks) -> None:
    bar = gr.HTML(js_on_load=PRESSED)
    dismissed = gr.State("")  # the kinds that somebody has seen enough of
    look = action(show, studio)
    gr.on([page.load, gr.Timer(LOOK_EVERY_S).tick], look, dismissed, [bar, dismissed], **QUIET)
    bar.select(action(dismiss, studio), None, [bar, dismissed], **QUIET)


def show(studio: Studio, dismissed: str) -> tuple[str, str]:
    """What is low now -> (bar, what is dismissed). What is low again, or newly, is told again."""
    low = low_now(studio)
    kinds = kinds_of(low)
    if kinds and kinds == dismissed:
        return "", dismissed
    return notice_html(low), ""


def dismiss(studio: Studio) -> tuple[str, str]:
    return "", kinds_of(low_now(studio))


def low_now(studio: Studio) -> list[Notice]:
    folders = {"data": studio.data, "runs": studio.runs, "models": models_folder()}
    low: dict = {}
    for name, folder in folders.items():
        space = disk_of(folder)
        if disk_is_low(space):
            low.setdefault(space, []).append(name)
    told = [("disk", disk_sentence(space.free, names)) for space, names in low.items()]
    space = memory()
    if memory_is_low(space):
        told.append(("memory", f"Only {gigabytes(space.free)} of memory are free: free the models on the System tab."))
    return told


def disk_sentence(free: float, names: Sequence[str]) -> str:
    where = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"Only {gigabytes(free)} are free on the disk of {where}: empty the trash or delete models (Models, Disk)."


def kinds_of(low: Sequence[Notice]) -> str:
    return " ".join(sorted({kind for kind, _ in low}))


def notice_html(low: Sequence[Notice]) -> str:
    """ "" where nothing is."""
    if not low:
        return ""
    sentences = " ".join(html.escape(sentence) for _, sentence in low)
    close = '<button type="button" class="dismiss" data-dismiss="all" aria-label="Dismiss">×</button>'
    return f'<div class="qal-notice" role="status"><span>{sentences}</span>{close}</div>'
