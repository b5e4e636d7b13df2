"""The handlers of the fallback captions: chunks of audio in, captions out, one session per page."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import gradio as gr

from qal.captions.captioner import Captioner
from qal.engine.languages import check_language
from qal.errors import ModelError
from qal.text.subtitles import format_timestamp
from ui_components.app.studio import Studio, unchanged
from ui_components.live.fallback.chunks import NOTICEABLE_LOSS_S, STREAM_EVERY_S, AudioLossMeter, read_chunk
from ui_components.live.fallback.session import CaptionState, LiveSession, MicrophoneChunk
from ui_components.live.view import captions_html, meter_html


class LiveOutputs(NamedTuple):
    """Outputs of the handlers that update the captions and the meter, as HTML."""

    captions: str
    meter: str


def add_chunk(studio: Studio, path: str | None, model: str | None, language: str, request: gr.Request) -> LiveOutputs:
    """Captions a chunk from the microphone. The captions are updated only if they changed."""
    if not path:
        return unchanged(LiveOutputs)
    if not model:
        raise ModelError("no model to caption with; run `qal models fetch base-adaptive`, then reload the page")
    session = studio.sessions.get_or_start(session_key(request), captioner_loader(studio))
    rate, pcm = read_chunk(Path(path))
    studio.chunks.add(Path(path))
    session.add_chunk(MicrophoneChunk(rate, pcm, model, language or None))
    lost_s = session.losses.add_chunk(time.monotonic(), len(pcm) / rate)
    raise_error_of(session)
    state = session.changed_state()
    meter = meter_html(session.state.level, status_text(session, lost_s, len(pcm)))
    return unchanged(LiveOutputs)._replace(meter=meter) if state is None else LiveOutputs(captions_html(state), meter)


def status_text(session: LiveSession, lost_s: float, chunk_samples: int) -> str:
    """Returns the text of the badge when it is not the level's; "" if there is no problem."""
    if not chunk_samples:
        return "No audio from the microphone"
    if session.status:
        return session.status
    return f"Server too busy: {lost_s:.0f} s of audio lost" if lost_s > NOTICEABLE_LOSS_S else ""


def finish(studio: Studio, request: gr.Request) -> LiveOutputs:
    """Makes all captions final after the recording was stopped."""
    session = studio.sessions.get(session_key(request))
    if not session:
        return LiveOutputs(captions_html(CaptionState()), meter_html(None))
    time.sleep(STREAM_EVERY_S)  # the last chunk may still arrive
    state = session.finish()
    session.losses = AudioLossMeter()
    studio.chunks.delete_old_later()
    raise_error_of(session)
    return LiveOutputs(captions_html(state), meter_html(None))


def clear(studio: Studio, request: gr.Request) -> LiveOutputs:
    """Ends the session, so that the next one begins without captions at time 0."""
    studio.sessions.close(session_key(request))
    return LiveOutputs(captions_html(CaptionState()), meter_html(None))


def close_session(studio: Studio, request: gr.Request) -> None:
    """Ends the session of a page that was closed."""
    studio.sessions.close(session_key(request))


def download(studio: Studio, request: gr.Request) -> dict[str, str]:
    """Returns the final captions with their times as a file, {"name", "text"}; {} if there are none."""
    session = studio.sessions.get(session_key(request))
    finals = session.state.finals if session else ()
    if not finals:
        gr.Info("There are no captions yet.")
        return {}
    lines = (f"[{format_timestamp(c.start_s)} - {format_timestamp(c.end_s)}] {c.text}\n" for c in finals)
    return {"name": time.strftime("captions-%Y%m%d-%H%M%S.txt"), "text": "".join(lines)}


def session_key(request: gr.Request) -> str:
    return str(request.session_hash)


def captioner_loader(studio: Studio) -> Callable[[str, str | None], Captioner]:
    """Returns a function that loads a model and checks that it has the language."""

    def load_captioner(model: str, language: str | None) -> Captioner:
        engine = studio.engines.get(model, studio.runs)
        if language:
            check_language(language, engine.tokenizer.languages)
        return Captioner(engine, language)

    return load_captioner


def raise_error_of(session: LiveSession) -> None:
    """Raises the error that happened in the session's thread, once."""
    error = session.take_error()
    if error:
        raise error
