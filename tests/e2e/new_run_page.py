"""A page of the form of a new run alone, with a button that asks for the settings of the run `mine`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import gradio as gr  # noqa: E402
from pydantic import Field  # noqa: E402

from qal.cli.command import run_command  # noqa: E402
from qal.cli.parsing import parse_options  # noqa: E402
from ui_components.app.page import ServeOptions, serve  # noqa: E402
from ui_components.app.studio import Studio  # noqa: E402
from ui_components.train.new_run.tab import new_run_tab  # noqa: E402


class Options(ServeOptions, frozen=True):
    runs: Path = Field(Path("runs"))
    data: Path = Field(Path("data"))


def main() -> None:
    options = parse_options("new_run_page.py", "The form alone.", Options)
    studio = Studio(options.runs, options.data)
    with gr.Blocks() as page:
        settings_of = gr.State(None)
        gr.Button("Its settings").click(lambda: "mine", None, settings_of)
        with gr.Tabs() as inner, gr.Tab("New run", id="new") as new:
            new_run_tab(studio, [page.load, new.select], gr.State(None), settings_of, inner)
    serve(page, options)


if __name__ == "__main__":
    run_command(main)
