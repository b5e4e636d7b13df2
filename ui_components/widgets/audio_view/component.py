"""The audio view: waveform, spectrogram, player and trimming of one file, for any tab.

    view = audio_view(studio, "Recording", "Choose a file.")
    audio.input(action(handler, studio), audio, view.outputs)  # the handler returns actions.open_file(path, title)

`view.selection` is the state with the file and the selected time range (actions.AudioSelection)."""

from dataclasses import dataclass

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.widgets.audio_view import actions
from ui_components.widgets.audio_view.view import view_html, view_script

DOWNLOAD_JS = """(file) => {
  if (!file || !file.url) return;
  const link = document.createElement("a");
  link.href = new URL(file.url, location.href.split(/[?#]/)[0]).href;
  link.download = file.name;
  link.click();
}"""


@dataclass(frozen=True)
class AudioView:
    """The components of an audio view."""

    html: gr.HTML
    selection: gr.State

    @property
    def outputs(self) -> list[gr.components.Component]:
        """The outputs for an `actions.ViewUpdate`."""
        return [self.html, self.selection]


def audio_view(studio: Studio, label: str, placeholder: str, can_trim: bool = True) -> AudioView:
    """Adds an audio view to the page.

    Args:
        studio: the studio.
        label: accessible name of the view.
        placeholder: text while no file is shown.
        can_trim: False for a small view that only shows and plays."""
    selection: gr.State = gr.State(None)
    html = gr.HTML(None, html_template=view_html(label, placeholder, can_trim), js_on_load=view_script())
    if can_trim:
        file = gr.JSON(visible=False)
        html.trimmed(action(actions.select_range, studio), selection, selection, **EVENT_OPTIONS)
        cut = html.cut(action(actions.cut_selection, studio), selection, file, **EVENT_OPTIONS)
        cut.success(None, file, None, js=DOWNLOAD_JS, **EVENT_OPTIONS)
    return AudioView(html, selection)
