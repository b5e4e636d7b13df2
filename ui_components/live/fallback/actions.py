"""What happens on the Live tab where no live socket opens: sound in, captions out, one session a page."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from qal.captions.captioner import Captioner
from qal.engine.languages import check_language
from qal.errors import ModelError
from qal.text.subtitles import clock
from ui_components.app.studio import Studio
from ui_components.live.fallback.chunks import NOTICEABLE_LOSS_S, STREAM_EVERY_S, LossMeter, read_chunk
from ui_components.live.fallback.session import Board, Chunk, LiveSession
from ui_components.live.view import captions_html, meter_html


def hear(
    studio: Studio, path: str | None, model: str | None, language: str, request: gr.Request
) -> tuple[Any, str | dict[str, Any]]:
    """A chunk from the microphone -> (captions, meter); the captions are skipped while they stay the same."""
    if not path:
        return gr.skip(), gr.skip()
    if not model:
        raise ModelError("there is no model to caption with; run `make setup` once, then reload this page")
    session = studio.sessions.get_or_start(page_of(request), stage_opener(studio))
    rate, pcm = read_chunk(Path(path))
    studio.chunks.took(Path(path))
    session.hear(Chunk(rate, pcm, model, language or None))
    lost_s = session.losses.took(time.monotonic(), len(pcm) / rate)
    raise_error_of(session)
    board = session.changed_board()
    status = session.status or (f"too busy: {lost_s:.0f} s lost" if lost_s > NOTICEABLE_LOSS_S else "")
    shown = "no sound comes from the microphone" if not len(pcm) else status
    return (captions_html(board) if board else gr.skip()), meter_html(session.board.level, shown)


def finish(studio: Studio, request: gr.Request) -> tuple[str, str]:
    """The recording was stopped: the last words become final -> (captions, meter)."""
    session = studio.sessions.get(page_of(request))
    if not session:
        return captions_html(Board()), meter_html(None)
    time.sleep(STREAM_EVERY_S)  # a chunk may still be on its way
    board = session.finish()
    session.losses = LossMeter()
    studio.chunks.sweep_later()
    raise_error_of(session)
    return captions_html(board), meter_html(None)


def clear(studio: Studio, request: gr.Request) -> tuple[str, str]:
    """An empty board, and a clock that begins anew -> (captions, meter)."""
    studio.sessions.drop(page_of(request))
    return captions_html(Board()), meter_html(None)


def leave(studio: Studio, request: gr.Request) -> None:
    """The page was closed."""
    studio.sessions.drop(page_of(request))


def download(studio: Studio, request: gr.Request) -> dict[str, Any]:
    """The final lines with their times -> {"name", "text"}."""
    session = studio.sessions.get(page_of(request))
    finals = session.board.finals if session else ()
    if not finals:
        gr.Info("There are no captions yet.")
        return {}
    lines = (f"[{clock(c.start_s)} - {clock(c.end_s)}] {c.text}\n" for c in finals)
    return {"name": time.strftime("captions-%Y%m%d-%H%M%S.txt"), "text": "".join(lines)}


def page_of(request: gr.Request) -> str:
    return str(request.session_hash)


def stage_opener(studio: Studio) -> Callable[[str, str | None], Captioner]:
    """Loads the model of a session, and checks that it has the language before anybody speaks."""

    def open_stage(model: str, language: str | None) -> Captioner:
        engine = studio.engines.get(model, studio.runs)
        if language:
            check_language(language, engine.tokenizer.languages)
        return Captioner(engine, language)

    return open_stage


def raise_error_of(session: LiveSession) -> None:
    error = session.take_error()
    if error:
        raise error
