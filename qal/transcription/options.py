"""Options of the transcription of files: everything that decides the text, and how it is written."""

from typing import Literal

from pydantic import BaseModel, Field

from qal.audio.sound_choice import SoundChoice
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import ContextChoice
from qal.engine.longform.options import LONGFORM_DECODING, LongformOptions
from qal.text.postprocessing.options import PostprocessingOptions
from qal.text.subtitles.rules import SubtitleRules


class TranscriptionOptions(BaseModel, frozen=True, extra="forbid"):
    """Options that decide the text of a file. Subtitles and post-processing can be done again without decoding."""

    model: str
    language: str | None = Field(default=None, description="language code; unset: detected")
    task: Literal["transcribe", "translate"] = "transcribe"
    context: ContextChoice = "auto"
    sound: SoundChoice = SoundChoice()
    decoding: DecodingOptions = LONGFORM_DECODING.model_copy(update={"words": True})
    longform: LongformOptions = LongformOptions()


class OutputOptions(BaseModel, frozen=True, extra="forbid"):
    """Options for writing a text that was decoded."""

    postprocessing: PostprocessingOptions = PostprocessingOptions()
    subtitles: SubtitleRules = SubtitleRules()
