"""The header of every page: name, theme button, and the help dialog with the keyboard shortcuts (header.js).

dropdowns.js makes the drop-downs of the page usable with the keyboard."""

from pathlib import Path

import gradio as gr

SHORTCUTS = {
    "c": "Start or stop captions",
    "]": "Next tab",
    "[": "Previous tab",
    "/": "Go to the search field",
    "t": "Change the theme",
    "?": "Show this help",
    "Esc": "Close this help",
}
SCRIPTS = [Path(__file__).parent / name for name in ("header.js", "dropdowns.js")]


def header() -> None:
    gr.HTML(header_html(), js_on_load="\n".join(script.read_text(encoding="utf-8") for script in SCRIPTS))


def header_html() -> str:
    return (
        '<header class="qal-head"><h1>Qal</h1><p>Fine-tune Whisper on your own speech and caption live.</p>'
        '<div class="tools"><button type="button" class="theme" aria-label="Theme"></button>'
        '<button type="button" class="keys" aria-label="Help: keyboard shortcuts" title="Help: keyboard shortcuts">?'
        "</button></div>"
        f'<dialog aria-labelledby="qal-keys"><h2 id="qal-keys">Keyboard shortcuts</h2>{shortcuts_html()}'
        '<label><input type="checkbox"> Enable single-key shortcuts</label>'
        '<form method="dialog"><button>Close</button></form></dialog></header>'
    )


def shortcuts_html() -> str:
    rows = "".join(f"<div><dt><kbd>{key}</kbd></dt><dd>{effect}</dd></div>" for key, effect in SHORTCUTS.items())
    return f"<dl>{rows}</dl>"
