"""The studio: caption live, fine-tune Whisper and transcribe files, in one page."""

import functools
from pathlib import Path

from pydantic import Field

from api.corrections import correction_route
from api.live_hub import LiveHub
from api.live_socket import live_route
from engine.catalogue import DEFAULT_MODEL
from errors import run_command
from ui_components.choices import offered_models
from ui_components.command_line import parse_options
from ui_components.page import ServeOptions, serve, studio_page
from ui_components.studio import Studio


class StudioOptions(ServeOptions, frozen=True):
    runs: Path = Field(Path("runs"), description="folder of the training runs")
    data: Path = Field(Path("data"), description="folder of the corpora")
    model: str = Field(DEFAULT_MODEL, description="model chosen when a page opens: a name, a run's id or a directory")


def main() -> None:
    options = parse_options("app.py", "Qal's studio: caption live, fine-tune, transcribe.", StudioOptions)
    studio = Studio(options.runs, options.data, model=options.model, live_days=options.live_days)
    offered = functools.partial(offered_models, options.runs, options.model)
    hub = LiveHub(studio.engines, options.runs, options.live, offered)
    hub.keep_tidy(options.live_days)
    serve(
        studio_page(studio),
        options,
        lambda allowed: [live_route(hub, allowed), correction_route(options.live, options.data, allowed)],
    )


if __name__ == "__main__":
    run_command(main)
