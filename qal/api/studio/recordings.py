"""Routes with which the Data tab records sentences into a dataset: POST /qal/recordings/…, behind the login.

    list       the datasets that are being recorded            begin    creates one, or adds sentences or a speaker
    built-in   the built-in sentences of a language            open     what a speaker has recorded of a dataset
    add        stores the recording of a sentence              remove   deletes it

Everything is on disk after each request, so that a recording is continued at any time."""

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field
from starlette.routing import Route

from qal.api.access import Allowed, UserOf, no_user
from qal.api.json_route import json_route
from qal.audio.samples import PCM_BYTES, SAMPLE_RATE, Samples, from_pcm16
from qal.corpus.recording.recordings import (
    Recording,
    add_take,
    begin_recording,
    list_recordings,
    open_recording,
    remove_take,
)
from qal.corpus.recording.sentences import built_in_sentences
from qal.corpus.recording.takes import MAX_TAKE_S
from qal.errors import OptionError

PATH = "/qal/recordings"
MAX_TAKE_BYTES = round((MAX_TAKE_S + 1) * SAMPLE_RATE * PCM_BYTES)
MAX_AUDIO_BODY_BYTES = MAX_TAKE_BYTES * 4 // 3 + 8192  # in base64
MAX_TEXT_BODY_BYTES = 1 << 20
AUDIO_TOO_LONG = f"the recording is longer than {MAX_TAKE_S:g} s; read only this sentence, then press Stop"
TEXT_TOO_LONG = "the text is too long; use a part of it at a time"
MAX_FIELD_CHARACTERS = 4096  # the dataset has stricter limits of its own


class NoRequest(BaseModel, frozen=True, extra="forbid"):
    """An empty body."""


class LanguageRequest(BaseModel, frozen=True, extra="forbid"):
    language: str = Field(max_length=16)


class OpenRequest(BaseModel, frozen=True, extra="forbid"):
    name: str = Field(max_length=MAX_FIELD_CHARACTERS)
    speaker: str = Field(max_length=MAX_FIELD_CHARACTERS)


class BeginRequest(OpenRequest, frozen=True):
    language: str = Field(max_length=16)
    text: str = Field(description="sentences to read; empty: the built-in ones")
    consent: str = Field(max_length=MAX_FIELD_CHARACTERS)


class SentenceRequest(OpenRequest, frozen=True):
    sentence: int = Field(ge=0)


class TakeRequest(SentenceRequest, frozen=True):
    audio: str = Field(description="16-bit samples at 16 kHz, little-endian, in base64")


class SentenceStatus(BaseModel, frozen=True):
    """A sentence and what a speaker has recorded of it."""

    text: str
    recorded_s: float | None  # None: not recorded
    file: str  # path of the audio on the server; empty if it is not recorded


class RecordingSummary(BaseModel, frozen=True):
    name: str
    language: str
    sentences: int
    speakers: list[str]


class RecordingList(BaseModel, frozen=True):
    recordings: list[RecordingSummary]


class RecordingStatus(BaseModel, frozen=True):
    """A dataset as one speaker sees it."""

    name: str
    language: str
    speaker: str
    sentences: list[SentenceStatus]


class SentenceList(BaseModel, frozen=True):
    sentences: list[str]


class TakeResponse(BaseModel, frozen=True):
    """The stored recording, and what the speaker should know about it."""

    recorded_s: float
    file: str
    warnings: Sequence[str]


def recording_routes(data: Path, allowed: Allowed, user_of: UserOf = no_user) -> list[Route]:
    """Returns the routes. `data` is the folder of the datasets."""

    def begin(request: BeginRequest, user: str | None) -> RecordingStatus:
        wanted = (request.name, request.language, request.speaker, request.text, request.consent)
        return status_of(begin_recording(data, *wanted, user), request.speaker)

    def add(request: TakeRequest, user: str | None) -> TakeResponse:
        samples = decode_take(request.audio)
        row, take = add_take(data, request.name, request.speaker, request.sentence, samples, user)
        file = str((data / request.name / row.audio).resolve())
        return TakeResponse(recorded_s=row.duration_s, file=file, warnings=take.warnings)

    def remove(request: SentenceRequest, user: str | None) -> RecordingStatus:
        remove_take(data, request.name, request.speaker, request.sentence, user)
        return status_of(open_recording(data, request.name), request.speaker)

    def opened(request: OpenRequest, user: str | None) -> RecordingStatus:
        return status_of(open_recording(data, request.name), request.speaker)

    def listed(request: NoRequest, user: str | None) -> RecordingList:
        return RecordingList(recordings=[_summary(recording) for recording in list_recordings(data)])

    def built_in(request: LanguageRequest, user: str | None) -> SentenceList:
        return SentenceList(sentences=built_in_sentences(request.language))

    return [
        json_route(f"{PATH}/list", NoRequest, listed, allowed, user_of),
        json_route(f"{PATH}/built-in", LanguageRequest, built_in, allowed, user_of),
        json_route(f"{PATH}/begin", BeginRequest, begin, allowed, user_of, MAX_TEXT_BODY_BYTES, TEXT_TOO_LONG),
        json_route(f"{PATH}/open", OpenRequest, opened, allowed, user_of),
        json_route(f"{PATH}/add", TakeRequest, add, allowed, user_of, MAX_AUDIO_BODY_BYTES, AUDIO_TOO_LONG),
        json_route(f"{PATH}/remove", SentenceRequest, remove, allowed, user_of),
    ]


def decode_take(audio: str) -> Samples:
    """Decodes the samples of a request. Raises OptionError if they are not base64 of whole samples."""
    try:
        pcm = base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as error:
        raise OptionError("the page sent an invalid recording; reload the page") from error
    if len(pcm) % PCM_BYTES:
        raise OptionError("the page sent an invalid recording; reload the page")
    return from_pcm16(np.frombuffer(pcm, "<i2"))


def status_of(recording: Recording, speaker: str) -> RecordingStatus:
    """Returns what a speaker has recorded."""
    person = recording.state.speaker(speaker)
    sentences = []
    for index, sentence in enumerate(recording.state.sentences):
        row = recording.row_of(person.name, index) if person else None
        file = str((recording.folder / row.audio).resolve()) if row else ""
        sentences.append(SentenceStatus(text=sentence.text, recorded_s=row and row.duration_s, file=file))
    return RecordingStatus(
        name=recording.folder.name,
        language=recording.state.language,
        speaker=person.name if person else speaker,
        sentences=sentences,
    )


def _summary(recording: Recording) -> RecordingSummary:
    return RecordingSummary(
        name=recording.folder.name,
        language=recording.state.language,
        sentences=len(recording.state.sentences),
        speakers=[speaker.name for speaker in recording.state.speakers],
    )
