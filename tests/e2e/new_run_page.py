"""A page with the New run form alone, and a button that loads the settings of the run `mine`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import gradio as gr  # noqa: E402
from pydantic import Field  # noqa: E402

from qal.cli.command import run_command  # noqa: E402
from qal.cli.parsing import parse_options  # noqa: E402
from qal.cli.serving import guard_of  # noqa: E402
from ui_components.app.server import serve  # noqa: E402
from ui_components.app.server_options import ServeOptions  # noqa: E402
from ui_components.app.studio import Studio  # noqa: E402
from ui_components.train.new_run.tab import new_run_tab  # noqa: E402
from ui_components.train.tab_ids import NEW_RUN_TAB  # noqa: E402


class Options(ServeOptions, frozen=True):
    runs: Path = Field(Path("runs"))
    data: Path = Field(Path("data"))


def main() -> None:
    options = parse_options("new_run_page.py", "Serves the New run form alone.", Options)
    studio = Studio(options.runs, options.data)
    with gr.Blocks() as page:
        copied_run = gr.State(None)
        gr.Button("Load settings").click(lambda: "mine", None, copied_run)
        with gr.Tabs() as tabs, gr.Tab("New run", id=NEW_RUN_TAB) as new_run:
            parts = new_run_tab(studio, [page.load, new_run.select], gr.State(None), copied_run, tabs)
        parts.stored.render()
    serve(page, options, guard_of(options))


if __name__ == "__main__":
    run_command(main)
