"""HTML whose buttons reach the server: `gr.HTML(js_on_load=PRESSED)` and its event `select`, with the data-… of what
was pressed (a name that pressed.js knows)."""

from pathlib import Path

PRESSED = (Path(__file__).parent / "clickable.js").read_text(encoding="utf-8")
