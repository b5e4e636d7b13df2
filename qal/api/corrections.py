"""POST /qal/corrections: adds a corrected or confirmed caption of the Live page, with its audio, to a dataset.

It is behind the login of the page. The session id, which cannot be guessed, proves whose caption it is. Everything is
read from disk, so that it also works after the recording has ended or the server was restarted."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, Field
from starlette.routing import Route

from qal.api.access import Allowed, UserOf, no_user
from qal.api.json_route import json_route
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.protocol import MAX_SAMPLE_INDEX
from qal.captions.record import SessionRecord, StoredCaption
from qal.captions.saved_audio import SampleRange, SavedAudio
from qal.captions.session_info import require_reader
from qal.corpus.corrections import Correction, add_correction, checked_text, corrections_folder
from qal.errors import OptionError

PATH = "/qal/corrections"
MARGIN_S = 0.2  # of audio before and after the speech
TOO_LONG = "this line is too long; shorten it"
MAX_FIELD_CHARACTERS = 4096  # the corpus has stricter limits of its own
HASH_DIGITS = 16  # of the session id; the id itself would let a reader of the dataset resume the session


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


def correction_route(live: Path, data: Path, allowed: Allowed, user_of: UserOf = no_user) -> Route:
    def add(request: CorrectionRequest, user: str | None) -> CorrectionResponse:
        require_reader(SessionRecord(live, request.session), user)
        return add_to_corpus(request, live, data)

    return json_route(PATH, CorrectionRequest, add, allowed, user_of, too_long=TOO_LONG)


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


def _to_samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
