"""The studio: caption live, fine-tune Whisper and transcribe files, in one page."""

import functools
import sys
from pathlib import Path

from checks.command import run_check, wants_check
from errors import OptionError, run_command

if __name__ == "__main__" and wants_check(sys.argv[1:]):
    run_command(lambda: sys.exit(run_check(sys.argv[1:])))  # before the packages that it looks for are needed

from pydantic import Field

from api.corrections import correction_route
from api.live_hub import LiveHub
from api.live_socket import live_route
from api.model_zip import model_zip_route
from api.tensorboard import TensorBoard, command_of, tensorboard_routes
from api.users import Users
from engine.catalogue import DEFAULT_MODEL, settled_model
from ui_components.choices import offered_models
from ui_components.command_line import parse_options
from ui_components.models.exports import downloadable
from ui_components.page import ServeOptions, serve, studio_page
from ui_components.studio import Studio


class StudioOptions(ServeOptions, frozen=True):
    runs: Path = Field(Path("runs"), description="folder of the training runs")
    data: Path = Field(Path("data"), description="folder of the corpora")
    model: str = Field(DEFAULT_MODEL, description="model chosen when a page opens: a name, a run's id or a directory")
    check: bool = Field(
        False, description="say whether this machine is ready, and end (--json, --network: ask the hub)"
    )


def main() -> None:
    options = parse_options("app.py", "Qal's studio: caption live, fine-tune, transcribe.", StudioOptions)
    for folder in (options.runs, options.data, options.live):
        if folder.exists() and not folder.is_dir():
            raise OptionError(f"{folder} is a file, not a folder; choose another one")
    model = settled_model(options.model, options.runs)
    users = Users(options.users) if options.users else None
    studio = Studio(
        options.runs,
        options.data,
        model=model,
        live_days=options.live_days,
        is_admin=users.is_admin if users else lambda name: True,
    )
    offered = functools.partial(offered_models, options.runs, model)
    hub = LiveHub(studio.engines, options.runs, options.live, offered)
    hub.keep_tidy(options.live_days)
    studio.engines.keep_tidy()
    board = TensorBoard(command_of(options.runs))
    serve(
        studio_page(studio),
        options,
        lambda allowed: [
            live_route(hub, allowed),
            correction_route(options.live, options.data, allowed),
            model_zip_route(functools.partial(downloadable, studio), allowed),
            *tensorboard_routes(board, allowed),
        ],
        users=users,
        readable=[options.data, options.runs],
    )


if __name__ == "__main__":
    run_command(main)
