"""The settings and the first message of a live client."""

import time
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from qal.audio.gate import DEFAULT_GATE, GateOptions
from qal.captions.options import MAX_HINT_CHARACTERS, UpdateMode
from qal.captions.protocol import MAX_SAMPLE_INDEX
from qal.captions.session_info import SessionInfo
from qal.engine.engine import Engine
from qal.engine.languages import LANGUAGES, check_language, check_languages
from qal.errors import LanguageError


class SettingsMessage(BaseModel, frozen=True, extra="forbid"):
    """Settings of a live session, as the client sends them."""

    model: str = Field(max_length=500)
    language: str | None = Field(default=None, max_length=20)
    languages: tuple[Annotated[str, Field(max_length=20)], ...] = Field(
        default=(), max_length=len(LANGUAGES), description="languages that detection chooses from; none: all"
    )
    task: Literal["transcribe", "translate"] = "transcribe"
    mode: UpdateMode = "gated"
    expect: str = Field(default="", max_length=MAX_HINT_CHARACTERS, description="vocabulary hints (initial prompt)")
    previous_text: bool = Field(default=False, description="use the previous line as context")
    gate: GateOptions = DEFAULT_GATE
    keep_sound: bool = Field(default=False, description="save the audio from here on")

    def require_possible(self, engine: Engine) -> None:
        """Raises LanguageError if the engine lacks a language, or cannot translate where that is asked for."""
        if self.language:
            check_language(self.language, engine.tokenizer.languages)
        check_languages(self.languages, engine.tokenizer.languages)
        if self.task == "translate" and not engine.tokenizer.multilingual:
            raise LanguageError(f"the model '{self.model}' cannot translate; choose a multilingual model")


class JoinMessage(SettingsMessage, frozen=True):
    """First message of a client: starts or resumes a session."""

    session: str | None = Field(default=None, max_length=64, description="id of the session to resume")
    kept_from: int = Field(
        default=0, ge=0, le=MAX_SAMPLE_INDEX, description="index of the first sample that the client still has"
    )
    last_index: int = Field(
        default=-1, ge=-1, le=MAX_SAMPLE_INDEX, description="index of the last final caption that the client has"
    )
    group: str = Field(default="", max_length=64, description="the same for sessions that are shown side by side")
    place: int = Field(default=0, ge=0, le=9, description="position in the group, from the left")


def have_same_captions(a: SettingsMessage, b: SettingsMessage) -> bool:
    """True if both settings give the same captions for the same audio."""
    fields = set(SettingsMessage.model_fields) - {"keep_sound"}
    return a.model_dump(include=fields) == b.model_dump(include=fields)


def settings_only(message: SettingsMessage) -> SettingsMessage:
    """Returns the settings of a join message without its other fields."""
    fields = set(SettingsMessage.model_fields)
    return SettingsMessage.model_validate(message.model_dump(include=fields, exclude_unset=True))


def session_info(message: JoinMessage, user: str | None) -> SessionInfo:
    """Returns the information that is recorded of a session which a user starts now."""
    about = message.model_dump(include={"model", "task", "group", "place"})
    return SessionInfo(user=user, started=time.time(), **about)
