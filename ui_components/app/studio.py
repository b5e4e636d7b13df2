"""The state that all tabs share (folders, the default model, engines), and the wrapper of handlers."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import gradio as gr

from qal.engine.cache import EngineCache
from qal.engine.catalogue import models_folder
from qal.engine.engine import Engine
from qal.engine.languages import check_language
from qal.errors import OptionError, QalError
from qal.jobs.index import RunIndex
from qal.jobs.run import Run
from qal.resources import CONFIGS
from qal.storage import storage_errors
from qal.transcription.options import TranscriptionOptions
from qal.transcription.queue import TranscriptionQueue
from qal.transcription.store import TranscriptStore
from ui_components.app.background_commands import BackgroundCommands
from ui_components.train.run.charts import ChartCache
from ui_components.widgets.markup import sentence_html

EventTriggers = list[Callable[..., Any]]  # Gradio's `page.load`, `tab.select`, …
# Arguments of most Gradio events: no queue limit, no progress overlay, no public API endpoint.
EVENT_OPTIONS: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
MAX_CONCURRENT_JOBS = 2  # handlers of one kind that use all cores
Outputs = TypeVar("Outputs", bound=tuple)  # a NamedTuple
TOAST_S = 12  # display time of an error message
BATCH_BESIDE_LIVE = 1  # utterances of a file at once while there are live sessions, so that captions wait less


class LiveLoad(Protocol):
    """The work of live captions, for which files wait."""

    def has_sessions(self) -> bool: ...
    def has_pending(self) -> bool: ...


class NoLiveLoad:
    """The load of a server without live captions."""

    def has_sessions(self) -> bool:
        return False

    def has_pending(self) -> bool:
        return False


@dataclass(frozen=True)
class Studio:
    """The folders, the default settings and the shared state of one server."""

    runs: Path = Path("runs")
    data: Path = Path("data")
    evaluations: Path = field(default=Path("evaluations"), kw_only=True)
    transcripts: Path = field(default=Path("transcripts"), kw_only=True)
    file_workers: int = field(default=1, kw_only=True)  # files that are transcribed at the same time
    live_load: LiveLoad = field(default_factory=NoLiveLoad, kw_only=True)
    configs: Path = CONFIGS
    model: str = "base-adaptive"
    language: str | None = None
    live_days: float = 7.0  # retention of live sessions
    import_from: tuple[Path, ...] = ()  # folders besides the data folder from which datasets may be imported
    engines: EngineCache = field(default_factory=EngineCache)
    background_commands: BackgroundCommands = field(default_factory=BackgroundCommands)
    run_index: RunIndex = field(default_factory=RunIndex)
    chart_cache: ChartCache = field(default_factory=ChartCache)
    is_admin: Callable[[str], bool] = lambda name: True  # by user name

    @functools.cached_property
    def file_queue(self) -> TranscriptionQueue:
        """The files that are transcribed in the background, also while no page is open."""
        live = self.live_load
        return TranscriptionQueue(
            TranscriptStore(self.transcripts.resolve()),
            self._load_file_engine,
            self.file_workers,
            may_run=lambda: not live.has_pending(),
            max_batch=lambda: BATCH_BESIDE_LIVE if live.has_sessions() else None,
        )

    def _load_file_engine(self, options: TranscriptionOptions) -> Engine:
        """Loads the model of a file in its thread. Raises ModelError and LanguageError."""
        engine = self.engines.get(options.model, self.runs, options.context)
        if options.language:
            check_language(options.language, engine.tokenizer.languages)
        return engine

    def require_run_owner(self, run: Run, request: gr.Request | None) -> None:
        """Raises OptionError if another user started the run. Admins are allowed, and everyone if there is no login."""
        self.require_owner(run.status().user, f"run {run.id}", request)

    def require_owner(self, owner: str | None, item: str, request: gr.Request | None) -> None:
        """Raises OptionError if another user owns the item. `item` names it in the message."""
        name = current_user(request)
        if name is not None and name != owner and not self.is_admin(name):
            raise OptionError(f"{item} belongs to {owner or 'no user'}; ask the owner or an admin")

    def require_allowed_path(self, path: str) -> Path:
        """Resolves a path from the browser. Raises OptionError if it is outside the data, runs and models folders."""
        try:
            resolved = Path(path).expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:  # a link loop, an unknown home folder, a null byte
            raise OptionError("not a valid path; give one inside the data, runs or models folder") from error
        if not any(resolved.is_relative_to(folder.resolve()) for folder in (self.data, self.runs, models_folder())):
            raise OptionError(f"{path} is not inside {self.data}, {self.runs} or the models folder; give one that is")
        return resolved


def current_user(request: gr.Request | None) -> str | None:
    """The name of the logged-in user, None if the page has no login."""
    return getattr(request, "username", None)


def action(handler: Callable[..., Any], studio: Studio) -> Callable[..., Any]:
    """Binds `handler(studio, ...)` to the studio, for use as a Gradio handler or generator.

    A QalError or a full disk is shown as an error message. Any other exception is a bug and keeps its traceback."""
    signature = inspect.signature(handler)
    parameters = list(signature.parameters.values())[1:]

    @functools.wraps(handler)
    def run_handler(*arguments, **named):
        try:
            with storage_errors("a file"):
                return handler(studio, *map(replace_surrogates, arguments), **named)
        except QalError as error:
            raise error_message(error) from error

    @functools.wraps(handler)
    def run_generator(*arguments, **named):
        try:
            with storage_errors("a file"):
                yield from handler(studio, *map(replace_surrogates, arguments), **named)
        except QalError as error:
            raise error_message(error) from error

    bound: Any = run_generator if inspect.isgeneratorfunction(handler) else run_handler
    bound.__signature__ = signature.replace(parameters=parameters)
    return bound


def replace_surrogates(value: Any) -> Any:
    """Replaces lone surrogates in a text from the browser, because they cannot be encoded in a response."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def error_message(error: QalError) -> gr.Error:
    return gr.Error(sentence_html(str(error)), duration=TOAST_S, print_exception=False)


def unchanged(outputs: type[Outputs]) -> Outputs:
    """Outputs of a handler that leave all components as they are."""
    return outputs(*(gr.skip() for _ in outputs.__annotations__))
