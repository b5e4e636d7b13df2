"""HTML with buttons that send events to the server: `gr.HTML(js_on_load=CLICKABLE_JS)` and its event `select`.

The event data are the data-… attributes of the clicked element. clickable.js lists the attributes that it handles."""

from pathlib import Path

CLICKABLE_JS = (Path(__file__).parent / "clickable.js").read_text(encoding="utf-8")
