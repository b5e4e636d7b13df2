"""A download button whose file is created in the browser, so that the server stores no copy of the content."""

from collections.abc import Callable, Mapping, Sequence

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS

SAVE_JS = """(file) => {
  if (!file || !file.name) return;
  const link = document.createElement("a");
  const content = file.base64 ? Uint8Array.from(atob(file.base64), (byte) => byte.charCodeAt(0)) : file.text;
  link.href = URL.createObjectURL(new Blob([content], {type: file.type ?? "text/plain;charset=utf-8"}));
  link.download = file.name;
  link.click();
  URL.revokeObjectURL(link.href);
}"""


def wire_download(
    button: gr.Button, make_file: Callable[..., Mapping[str, str]], inputs: Sequence[gr.components.Component]
) -> None:
    """Saves the result of `make_file` in the browser when the button is clicked.

    `make_file` returns {"name", "text"} for text, {"name", "base64", "type"} for binary content, {} for no file."""
    file = gr.JSON(visible=False)
    button.click(make_file, list(inputs), file, **EVENT_OPTIONS).success(None, file, None, js=SAVE_JS, **EVENT_OPTIONS)
