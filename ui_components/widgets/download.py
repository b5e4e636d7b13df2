"""A download that is made in the browser, so that no copy of the text stays on the server."""

from collections.abc import Callable, Sequence

import gradio as gr

from ui_components.app.studio import QUIET

SAVE = """(file) => {
  if (!file || !file.name) return;
  const link = document.createElement("a");
  const content = file.base64 ? Uint8Array.from(atob(file.base64), (byte) => byte.charCodeAt(0)) : file.text;
  link.href = URL.createObjectURL(new Blob([content], {type: file.type ?? "text/plain;charset=utf-8"}));
  link.download = file.name;
  link.click();
  URL.revokeObjectURL(link.href);
}"""


def wire_download(
    button: gr.Button, make: Callable[..., dict[str, str]], inputs: Sequence[gr.components.Component]
) -> None:
    """A click saves what `make` gives: {"name": ..., "text": ...}, or {"name", "base64", "type"} of what is no text."""
    file = gr.JSON(visible=False)
    button.click(make, list(inputs), file, **QUIET).success(None, file, None, js=SAVE, **QUIET)
