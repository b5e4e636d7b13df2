"""POST /qal/corrections: a caption of the Live page, corrected or found right, becomes a row of a corpus.

Behind the same login as the socket. The session's name, which nobody can guess, shows whose caption it is. Needs
nothing but what lies on disk: it works after the recording has ended and on a server that was restarted."""

import hashlib
import logging
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from qal.api.live_socket import Allowed, same_origin
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.protocol import MAX_SAMPLE
from qal.captions.record import Line, Record
from qal.captions.saved_audio import KeptSound, Stretch
from qal.corpus.corrections import Correction, add_correction, checked_text, corrections_folder
from qal.errors import OptionError, QalError

PATH = "/qal/corrections"
MARGIN_S = 0.2  # of sound on either side of the speech
MAX_BODY = 8192  # bytes
MAX_FIELD = 4096  # letters; what a name or a line may have is the corpus' to say
NAME_DIGITS = 16  # of the hash that stands for a session: its own name would let a reader of the corpus go on with it
LOG = logging.getLogger("qal")


class CorrectionOrder(BaseModel, frozen=True, extra="forbid"):
    """What the page sends: the line `index` of a session reads `text`."""

    session: str = Field(max_length=64)
    index: int = Field(ge=0, le=MAX_SAMPLE)
    text: str = Field(max_length=MAX_FIELD)
    corpus: str = Field(max_length=MAX_FIELD)


class Added(BaseModel, frozen=True):
    """What the page is told."""

    corpus: str
    rows: int
    split: str


def correction_route(live: Path, data: Path, allowed: Allowed) -> Route:
    async def serve(request: Request) -> Response:
        if not same_origin(request) or not allowed(request):
            return _refusal(403, "log in, then reload the page")
        try:
            order = parse_order(await _body(request))
            return JSONResponse((await run_in_threadpool(add, order, live, data)).model_dump())
        except QalError as error:
            return _refusal(400, str(error))
        except Exception:
            LOG.exception("a correction failed")
            return _refusal(500, "the server failed to add this line; try again")

    return Route(PATH, serve, methods=["POST"])


def add(order: CorrectionOrder, live: Path, data: Path) -> Added:
    """Raises OptionError (no such session or caption), SoundNotKeptError, CorpusError, StorageError."""
    corrections_folder(data, order.corpus)  # what the page can mend, before anything is read
    checked_text(order.text)
    record = Record(live, order.session)
    if not record.exists():
        raise OptionError("this recording is no longer on the server; only lines of a recent one can be added")
    lines = record.lines()
    line = next((line for line in lines if line.index == order.index), None)
    if not line:
        raise OptionError("the server has no such caption; reload the page")
    if not line.language:
        raise OptionError("this line is a translation; only captions in the language that is spoken can be added")
    name = f"{hashlib.sha256(order.session.encode()).hexdigest()[:NAME_DIGITS]}-{order.index:05}"
    samples = cut(KeptSound(record.folder), line, lines)
    corpus, row = add_correction(data, order.corpus, Correction(name, samples, order.text, line.language))
    return Added(corpus=order.corpus, rows=len(corpus.rows), split=row.split)


def cut(sound: KeptSound, line: Line, lines: list[Line]) -> Samples:
    """The line's speech and a margin, but nothing of its neighbours. Raises SoundNotKeptError."""
    margin, speech = _samples(MARGIN_S), Stretch(_samples(line.start_s), _samples(line.end_s))
    before = max((_samples(other.end_s) for other in lines if other.index < line.index), default=0)
    after = min((_samples(other.start_s) for other in lines if other.index > line.index), default=MAX_SAMPLE)
    start, end = max(speech.start - margin, before), min(speech.end + margin, after)
    return sound.read(speech, Stretch(min(start, speech.start), max(end, speech.end)))


def parse_order(body: bytes) -> CorrectionOrder:
    try:
        return CorrectionOrder.model_validate_json(body)
    except ValidationError as error:
        raise OptionError("the page sent a message that is not one of ours; reload the page") from error


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise OptionError("this line is too long; write only what was said in it")
    return body


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def _refusal(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"message": sentence}, status)
