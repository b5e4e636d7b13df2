"""qal studio: every tab in one page."""

import functools
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from qal.api.live_hub import LiveHub
from qal.api.routes import live_routes, studio_routes
from qal.api.studio.tensorboard_proxy import TensorBoard, tensorboard_command
from qal.cli.parsing import parse_options
from qal.cli.serving import guard_of, login_of
from qal.engine.cache import EngineCache
from qal.engine.catalogue import DEFAULT_MODEL, canonical_model_name
from qal.errors import OptionError
from ui_components.app.page import studio_page
from ui_components.app.server import serve
from ui_components.app.server_options import ServeOptions
from ui_components.app.studio import Studio
from ui_components.app.uploads import prepare_uploads
from ui_components.models.exports import find_download
from ui_components.transcribe.result.sound import find_sound
from ui_components.widgets.choices import allowed_models


class StudioOptions(ServeOptions, frozen=True):
    runs: Path = Field(Path("runs"), description="folder of the training runs")
    data: Path = Field(Path("data"), description="folder of the corpora")
    evaluations: Path = Field(Path("evaluations"), description="folder of the evaluations")
    transcripts: Path = Field(Path("transcripts"), description="folder of the transcripts of files")
    file_workers: int = Field(1, ge=1, le=64, description="files that are transcribed at the same time")
    import_from: tuple[Path, ...] = Field(
        (), description="folders from which the page may read datasets and files to transcribe, besides the data folder"
    )
    model: str = Field(DEFAULT_MODEL, description="model chosen when a page opens: a name, a run's id or a directory")


def main(arguments: Sequence[str]) -> None:
    about = "Serves the studio: live captions, datasets, training, models and transcription in one page."
    options = parse_options("qal studio", about, StudioOptions, arguments)
    for folder in (options.runs, options.data, options.evaluations, options.transcripts, options.live):
        if folder.exists() and not folder.is_dir():
            raise OptionError(f"{folder} is a file, not a folder; choose another one")
    for folder in options.import_from:
        if not folder.is_dir():
            raise OptionError(f"--import-from {folder}: there is no such folder; check the path")
    prepare_uploads()
    model = canonical_model_name(options.model, options.runs)
    users = login_of(options)
    engines = EngineCache()
    hub = LiveHub(engines, options.runs, options.live, functools.partial(allowed_models, options.runs, model))
    studio = Studio(
        options.runs,
        options.data,
        evaluations=options.evaluations,
        transcripts=options.transcripts,
        file_workers=options.file_workers,
        live_load=hub.schedulers,
        engines=engines,
        model=model,
        live_days=options.live_days,
        import_from=options.import_from,
        is_admin=users.is_admin if users else lambda name: True,
    )
    hub.start_maintenance(options.live_days)
    studio.engines.start_idle_unloading()
    board = TensorBoard(tensorboard_command(options.runs))
    serve(
        studio_page(studio),
        options,
        guard_of(options),
        lambda allowed, user_of, share_address: [
            *live_routes(hub, options.live, options.data, options.host, allowed, user_of, share_address),
            *studio_routes(
                options.runs,
                options.data,
                functools.partial(find_download, studio),
                functools.partial(find_sound, studio),
                board,
                allowed,
                user_of,
            ),
        ],
        users=users,
        readable=[options.data, options.runs],
    )
