"""qal live: the live-caption page alone, for a caption server or a link to share."""

import functools
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from qal.api.live_hub import LiveHub
from qal.api.routes import live_routes
from qal.cli.parsing import parse_options
from qal.cli.serving import guard_of, login_of
from qal.engine.catalogue import DEFAULT_MODEL, canonical_model_name
from qal.engine.languages import check_language
from ui_components.app.page import live_page
from ui_components.app.server import serve
from ui_components.app.server_options import ServeOptions
from ui_components.app.studio import Studio
from ui_components.app.uploads import prepare_uploads
from ui_components.widgets.choices import allowed_models


class CaptionServerOptions(ServeOptions, frozen=True):
    model: str = Field(DEFAULT_MODEL, description="model chosen when a page opens: a name, a run's id or a directory")
    language: str | None = Field(None, description="language code such as en or am; left out: detected")
    runs: Path = Field(Path("runs"), description="folder of the training runs")
    data: Path = Field(Path("data"), description="folder of the corpora, where corrected captions go")


def main(arguments: Sequence[str]) -> None:
    about = "Serves live captions alone on a page."
    options = parse_options("qal live", about, CaptionServerOptions, arguments)
    prepare_uploads()
    model = canonical_model_name(options.model, options.runs)
    studio = Studio(options.runs, model=model, language=options.language, live_days=options.live_days)
    languages = studio.engines.get(model, options.runs).tokenizer.languages  # fails if the model is missing
    if options.language:
        check_language(options.language, languages)
    offered = functools.partial(allowed_models, options.runs, model)
    hub = LiveHub(studio.engines, options.runs, options.live, offered)
    hub.start_maintenance(options.live_days)
    studio.engines.start_idle_unloading()
    serve(
        live_page(studio),
        options,
        guard_of(options),
        functools.partial(live_routes, hub, options.live, options.data, options.host),
        users=login_of(options),
    )
