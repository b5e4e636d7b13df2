"""POST /qal/corrections: adds a corrected or confirmed caption of the Live page, with its audio, to a dataset.

It is behind the login of the page. The session id, which cannot be guessed, proves whose caption it is. Everything is
read from disk, so that it also works after the recording has ended or the server was restarted."""

import hashlib
import logging
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from qal.api.access import INVALID_MESSAGE, LOG_IN, Allowed
from qal.api.origin import is_same_origin
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.protocol import MAX_SAMPLE_INDEX
from qal.captions.record import SessionRecord, StoredCaption
from qal.captions.saved_audio import SampleRange, SavedAudio
from qal.corpus.corrections import Correction, add_correction, checked_text, corrections_folder
from qal.errors import OptionError, QalError

PATH = "/qal/corrections"
MARGIN_S = 0.2  # of audio before and after the speech
MAX_BODY_BYTES = 8192
MAX_FIELD_CHARACTERS = 4096  # the corpus has stricter limits of its own
HASH_DIGITS = 16  # of the session id; the id itself would let a reader of the dataset resume the session
LOG = logging.getLogger("qal")


class CorrectionRequest(BaseModel, frozen=True, extra="forbid"):
    """Body of the request: the text of caption `index` of a session is `text`."""

    session: str = Field(max_length=64)
    index: int = Field(ge=0, le=MAX_SAMPLE_INDEX)
    text: str = Field(max_length=MAX_FIELD_CHARACTERS)
    corpus: str = Field(max_length=MAX_FIELD_CHARACTERS)


class CorrectionResponse(BaseModel, frozen=True):
    """Body of the response: the dataset, its number of examples and the split of the new one."""

    corpus: str
    rows: int
    split: str


def correction_route(live: Path, data: Path, allowed: Allowed) -> Route:
    async def serve(request: Request) -> Response:
        if not is_same_origin(request) or not allowed(request):
            return _error_response(403, LOG_IN)
        try:
            correction = parse_request(await _read_body(request))
            response = await run_in_threadpool(add_to_corpus, correction, live, data)
            return JSONResponse(response.model_dump())
        except QalError as error:
            return _error_response(400, str(error))
        except Exception:
            LOG.exception("a correction failed")
            return _error_response(500, "the server could not add this line; try again")

    return Route(PATH, serve, methods=["POST"])


def add_to_corpus(request: CorrectionRequest, live: Path, data: Path) -> CorrectionResponse:
    """Adds the caption to data/<corpus>, or replaces it there.

    Raises:
        OptionError: there is no such session or caption.
        AudioNotSavedError: the audio of the caption was not saved.
        CorpusError, StorageError: the dataset cannot be written."""
    corrections_folder(data, request.corpus)  # checks what the user can correct before anything is read
    checked_text(request.text)
    record = SessionRecord(live, request.session)
    if not record.exists():
        raise OptionError("this recording was deleted from the server; only lines of recent recordings can be added")
    captions = record.stored_captions()
    caption = next((caption for caption in captions if caption.index == request.index), None)
    if not caption:
        raise OptionError("the server does not have this caption; reload the page")
    if not caption.language:
        raise OptionError("this line is a translation; only lines in the spoken language can be added")
    session_hash = hashlib.sha256(request.session.encode()).hexdigest()[:HASH_DIGITS]
    samples = read_caption_audio(SavedAudio(record.folder), caption, captions)
    correction = Correction(f"{session_hash}-{request.index:05}", samples, request.text, caption.language)
    corpus, row = add_correction(data, request.corpus, correction)
    return CorrectionResponse(corpus=request.corpus, rows=len(corpus.rows), split=row.split)


def read_caption_audio(audio: SavedAudio, caption: StoredCaption, captions: list[StoredCaption]) -> Samples:
    """Returns the speech of a caption with a margin that contains no speech of the captions before and after.

    Raises AudioNotSavedError."""
    speech = SampleRange(_to_samples(caption.start_s), _to_samples(caption.end_s))
    previous_end = max((_to_samples(c.end_s) for c in captions if c.index < caption.index), default=0)
    next_start = min((_to_samples(c.start_s) for c in captions if c.index > caption.index), default=MAX_SAMPLE_INDEX)
    margin = _to_samples(MARGIN_S)
    start = max(speech.start - margin, previous_end)
    end = min(speech.end + margin, next_start)
    return audio.read(speech, SampleRange(min(start, speech.start), max(end, speech.end)))


def parse_request(body: bytes) -> CorrectionRequest:
    try:
        return CorrectionRequest.model_validate_json(body)
    except ValidationError as error:
        raise OptionError(INVALID_MESSAGE) from error


async def _read_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise OptionError("this line is too long; shorten it")
    return body


def _to_samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def _error_response(status: int, message: str) -> JSONResponse:
    return JSONResponse({"message": message}, status)
