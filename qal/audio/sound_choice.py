"""Which sound of a file is used: one of its tracks, and its channels mixed or apart."""

from typing import Literal

from pydantic import BaseModel, Field


class SoundChoice(BaseModel, frozen=True, extra="forbid"):
    """Which track of a file is decoded, and how its channels are used."""

    track: str = Field(
        default="auto",
        description="number of an audio track from 1, or its language; auto: the one in the language of the "
        "speech if it was given, else the default of the file",
    )
    channels: Literal["mix", "separate"] = Field(
        default="mix", description="separate: each channel alone, for calls with a speaker on each"
    )


DEFAULT_SOUND = SoundChoice()
