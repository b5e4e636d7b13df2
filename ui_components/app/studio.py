"""What every tab needs and no page owns: folders, the default model, engines, live sessions."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from qal.engine.cache import Engines
from qal.engine.catalogue import models_folder
from qal.errors import OptionError, QalError
from qal.jobs.index import Shelf
from qal.jobs.run import Run
from qal.resources import CONFIGS
from qal.storage import storage_errors
from ui_components.app.background_commands import Errands
from ui_components.live.fallback.chunks import ChunkFiles
from ui_components.live.fallback.session import LiveSessions
from ui_components.train.run.charts import Drawings
from ui_components.widgets.markup import sentence_html

Events = list[Callable[..., Any]]  # of Gradio: "the page was loaded", "the tab was opened"
QUIET: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
TOAST_S = 12  # how long an error stays on the screen


@dataclass(frozen=True)
class Studio:
    runs: Path = Path("runs")
    data: Path = Path("data")
    configs: Path = CONFIGS
    model: str = "base-adaptive"
    language: str | None = None
    live_days: float = 7.0  # that a live session is kept
    engines: Engines = field(default_factory=Engines)
    sessions: LiveSessions = field(default_factory=LiveSessions)
    chunks: ChunkFiles = field(default_factory=ChunkFiles)
    errands: Errands = field(default_factory=Errands)
    shelf: Shelf = field(default_factory=Shelf)
    drawings: Drawings = field(default_factory=Drawings)
    is_admin: Callable[[str], bool] = lambda name: True  # of who has logged in

    def require_own(self, run: Run, request: gr.Request | None) -> None:
        """Raises OptionError where another user started the run; an admin, or anybody where nobody logs in, may."""
        self.require_user(run.status().user, f"run {run.id}", request)

    def require_user(self, owner: str | None, what: str, request: gr.Request | None) -> None:
        """Raises OptionError where `what` is another user's."""
        name = user_of(request)
        if name is not None and name != owner and not self.is_admin(name):
            raise OptionError(f"{what} belongs to {owner or 'nobody here'}; ask them, or an admin")

    def require_inside(self, path: str) -> Path:
        """What a browser calls a path, whole; raises OptionError unless it is in the data, runs or models folder."""
        try:
            found = Path(path).expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, no such home, a zero byte
            raise OptionError("that is no path; give one inside the data, runs or models folder") from error
        if not any(found.is_relative_to(folder.resolve()) for folder in (self.data, self.runs, models_folder())):
            raise OptionError(f"{path} is not inside {self.data}, {self.runs} or the models folder; give one that is")
        return found


def user_of(request: gr.Request | None) -> str | None:
    """Who has logged in; None where nobody does."""
    return getattr(request, "username", None)


def action(handler: Callable[..., Any], studio: Studio) -> Callable[..., Any]:
    """`handler(studio, ...)` as Gradio calls it: bound to the studio, a QalError or a full disk shown as a toast.

    Anything else is a bug and keeps its traceback."""
    signature = inspect.signature(handler)
    parameters = list(signature.parameters.values())[1:]

    @functools.wraps(handler)
    def once(*arguments, **named):
        try:
            with storage_errors("a file"):
                return handler(studio, *map(whole, arguments), **named)
        except QalError as error:
            raise toast(error) from error

    @functools.wraps(handler)
    def many(*arguments, **named):
        try:
            with storage_errors("a file"):
                yield from handler(studio, *map(whole, arguments), **named)
        except QalError as error:
            raise toast(error) from error

    bound: Any = many if inspect.isgeneratorfunction(handler) else once
    bound.__signature__ = signature.replace(parameters=parameters)
    return bound


def whole(value: Any) -> Any:
    """A browser may send half a character (a lone surrogate), which cannot be sent back."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def toast(error: QalError) -> gr.Error:
    return gr.Error(sentence_html(str(error)), duration=TOAST_S, print_exception=False)
