"""The header of every page: name, theme, and the sheet of shortcuts (header.js)."""

from pathlib import Path

import gradio as gr

SHORTCUTS = {
    "c": "start or stop captions",
    "]": "next tab",
    "[": "tab before",
    "/": "go to the search field",
    "t": "change the theme",
    "?": "show this sheet",
    "Esc": "close it",
}
SCRIPT = Path(__file__).parent / "header.js"


def header() -> None:
    gr.HTML(header_html(), js_on_load=SCRIPT.read_text(encoding="utf-8"))


def header_html() -> str:
    return (
        '<header class="qal-head"><h1>Qal</h1><p>Fine-tune Whisper, then caption live with what you trained.</p>'
        '<div class="tools"><button type="button" class="theme" aria-label="Theme"></button>'
        '<button type="button" class="keys" aria-label="Keyboard shortcuts" title="Keyboard shortcuts">?</button></div>'
        f'<dialog aria-labelledby="qal-keys"><h2 id="qal-keys">Keyboard shortcuts</h2>{shortcuts_html()}'
        '<label><input type="checkbox"> Single keys are shortcuts, except while you type</label>'
        '<form method="dialog"><button>Close</button></form></dialog></header>'
    )


def shortcuts_html() -> str:
    rows = "".join(f"<div><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>" for key, what in SHORTCUTS.items())
    return f"<dl>{rows}</dl>"
