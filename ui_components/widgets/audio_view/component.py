"""A sound that is seen, heard and trimmed, for any tab.

    view = sound_view(studio, "Recording", "Choose a file.")
    audio.input(action(handler, studio), audio, view.outputs)        # handler returns actions.look(path, title)

`view.sound` is the state that holds the file and the stretch chosen of it (actions.Sound)."""

from dataclasses import dataclass

import gradio as gr

from ui_components.app.studio import QUIET, Studio, action
from ui_components.widgets.audio_view import actions
from ui_components.widgets.audio_view.view import sound_html, sound_script

FETCH = """(file) => {
  if (!file || !file.url) return;
  const link = document.createElement("a");
  link.href = new URL(file.url, location.href.split(/[?#]/)[0]).href;
  link.download = file.name;
  link.click();
}"""


@dataclass(frozen=True)
class SoundView:
    board: gr.HTML
    sound: gr.State

    @property
    def outputs(self) -> list[gr.components.Component]:
        """What a handler that returns `actions.look(...)` fills."""
        return [self.board, self.sound]


def sound_view(studio: Studio, label: str, empty: str, trims: bool = True) -> SoundView:
    """`empty` is said while there is no sound; without `trims` it is small: it only shows and plays."""
    sound: gr.State = gr.State(None)
    board = gr.HTML(None, html_template=sound_html(label, empty, trims), js_on_load=sound_script())
    if trims:
        file = gr.JSON(visible=False)
        board.trimmed(action(actions.trim, studio), sound, sound, **QUIET)
        cut = board.cut(action(actions.cut, studio), sound, file, **QUIET)
        cut.success(None, file, None, js=FETCH, **QUIET)
    return SoundView(board, sound)
