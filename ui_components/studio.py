"""What every tab needs and no page owns: folders, the default model, engines, live sessions."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from engine.cache import Engines
from errors import QalError
from ui_components.corpus_fetch import CorpusFetch
from ui_components.live_session import LiveSessions
from ui_components.markup import sentence_html
from ui_components.microphone import ChunkFiles

Events = list[Callable[..., Any]]  # of Gradio: "the page was loaded", "the tab was opened"
QUIET: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
TOAST_S = 12  # how long an error stays on the screen


@dataclass(frozen=True)
class Studio:
    runs: Path = Path("runs")
    data: Path = Path("data")
    configs: Path = Path("configs")
    model: str = "base-adaptive"
    language: str | None = None
    live_days: float = 7.0  # that a live session is kept
    engines: Engines = field(default_factory=Engines)
    sessions: LiveSessions = field(default_factory=LiveSessions)
    chunks: ChunkFiles = field(default_factory=ChunkFiles)
    fetch: CorpusFetch = field(default_factory=CorpusFetch)


def action(handler: Callable[..., Any], studio: Studio) -> Callable[..., Any]:
    """`handler(studio, ...)` as Gradio calls it: bound to the studio, a QalError shown as a toast.

    Anything else is a bug and keeps its traceback."""
    signature = inspect.signature(handler)
    parameters = list(signature.parameters.values())[1:]

    @functools.wraps(handler)
    def once(*arguments, **named):
        try:
            return handler(studio, *arguments, **named)
        except QalError as error:
            raise toast(error) from error

    @functools.wraps(handler)
    def many(*arguments, **named):
        try:
            yield from handler(studio, *arguments, **named)
        except QalError as error:
            raise toast(error) from error

    bound: Any = many if inspect.isgeneratorfunction(handler) else once
    bound.__signature__ = signature.replace(parameters=parameters)
    return bound


def toast(error: QalError) -> gr.Error:
    return gr.Error(sentence_html(str(error)), duration=TOAST_S, print_exception=False)
