"""The measures of an example's audio and of the agreement of its text and audio, stored beside the manifest.

    quality.jsonl       a line per audio file (sha256): level, noise, speech, DNSMOS, fingerprint
    agreement.jsonl     a line per audio file, text and model: what the model recognised, error rates, score

Both are only added to. A copy of the audio, a corrected text or another split needs no new measurement of the audio."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from qal.storage import storage_errors

QUALITY_FILE = "quality.jsonl"
AGREEMENT_FILE = "agreement.jsonl"


class AudioMeasures(BaseModel, frozen=True):
    """Measures of one audio file: a line of quality.jsonl. None: not measurable, or not measured."""

    sha256: str
    snr_db: float | None = Field(default=None, description="speech to noise in its pauses, or its lower bound")
    loudness_lufs: float | None = None
    peak_db: float | None = Field(default=None, description="peak relative to full scale")
    clipped_share: float | None = Field(default=None, description="share of the samples, 0 to 1")
    bandwidth_hz: float | None = Field(default=None, description="frequency below which nearly all power lies")
    speech_share: float | None = Field(default=None, description="share of the duration, 0 to 1")
    lead_s: float | None = Field(default=None, description="time before the first speech")
    tail_s: float | None = Field(default=None, description="time after the last speech")
    dnsmos: float | None = Field(default=None, description="predicted overall opinion, 1 (bad) to 5")
    fingerprint: str = Field(default="", description="hexadecimal; empty if the audio has no speech")
    error: str = Field(default="", description="why the audio could not be measured; empty if it was")


class Agreement(BaseModel, frozen=True):
    """The agreement of a text and its audio by one model: a line of agreement.jsonl."""

    sha256: str
    text: str = Field(description="the text that was compared, as in the manifest")
    model: str
    heard: str = Field(default="", description="the text that the model recognised")
    wer: float | None = Field(default=None, description="word error rate of the recognised text, a share")
    cer: float | None = Field(default=None, description="character error rate of the recognised text, a share")
    text_logprob: float | None = Field(default=None, description="mean log-probability of the text's tokens")
    heard_logprob: float | None = Field(default=None, description="mean log-probability of the recognised tokens")
    lowest_logprob: float | None = Field(default=None, description="mean over the text's least likely words")
    heard_language: str = Field(default="", description="most likely language by the sound; empty: not detected")
    language_probability: float | None = Field(default=None, description="probability of that language, 0 to 1")
    stated_probability: float | None = Field(default=None, description="probability of the stated language, 0 to 1")
    disagreement: float | None = Field(default=None, description="0: text and audio agree; higher is worse")


Measures = TypeVar("Measures", AudioMeasures, Agreement)


def read_measures(path: Path, model: type[Measures]) -> Iterator[Measures]:
    """Yields the lines of a file of measures; a torn or invalid line is skipped and measured again."""
    with storage_errors(str(path)):
        if not path.is_file():
            return
        with path.open("rb") as file:
            for line in file:
                try:
                    yield model.model_validate_json(line)
                except ValidationError:
                    continue


def append_measures(path: Path, measures: Iterable[AudioMeasures | Agreement]) -> None:
    """Adds lines. A torn last line is ended first, so that it does not spoil the next one."""
    lines = "".join(f"{measure.model_dump_json(exclude_defaults=True)}\n" for measure in measures)
    with storage_errors(str(path)), path.open("ab+") as file:
        if file.seek(0, 2):
            file.seek(-1, 2)
            lines = lines if file.read(1) == b"\n" else f"\n{lines}"
        file.write(lines.encode())
