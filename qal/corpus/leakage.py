"""Leakage: test examples whose text, audio or speaker a model has already met in training."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, Field

from qal.corpus.manifest import Corpus, Row
from qal.corpus.quality.measures import QUALITY_FILE, AudioMeasures, read_measures
from qal.corpus.quality.near_duplicates import near_sounds
from qal.corpus.speakers import speaker_key
from qal.corpus.words import has_words
from qal.text.normalisation.split_key import split_key

MAX_LISTED = 20  # test examples of each kind that are listed by their audio


class Leakage(BaseModel, frozen=True):
    """How many test examples the training examples give away; one example may count in several ways."""

    trained: int = Field(description="number of training examples")
    tested: int = Field(description="number of test examples")
    audio: int = Field(default=0, description="test examples whose audio file is also trained on")
    sound: int = Field(default=0, description="test examples that sound nearly like a training example")
    text: int = Field(default=0, description="test examples whose sentence is also trained on")
    speakers: int = Field(default=0, description="test examples whose speaker is also trained on")
    sound_compared: bool = Field(default=False, description="false: the audio was not measured, so not compared")
    listed: dict[str, tuple[str, ...]] = Field(default={}, description="the first test examples of each kind")

    @property
    def leaks(self) -> bool:
        """True if a test example itself was trained on; a common speaker alone is usual."""
        return bool(self.audio or self.sound or self.text)

    def describe(self) -> str:
        """Returns a sentence about what the test examples share with the training examples."""
        kinds = [
            (self.audio, "an audio file"),
            (self.sound, "nearly the same sound"),
            (self.text, "a sentence"),
            (self.speakers, "a speaker"),
        ]
        shared = ", ".join(f"{count:,} {what}" for count, what in kinds if count)
        if not shared:
            return f"None of the {self.tested:,} test examples shares audio, sentence or speaker with training."
        return f"Of {self.tested:,} test examples, as many share with the training examples: {shared}."


def find_leakage(
    trained: Sequence[Row], tested: Sequence[Row], fingerprints: Mapping[str, str] | None = None
) -> Leakage:
    """Compares test rows with training rows.

    Args:
        trained: the rows that a model learns from, of any number of corpora.
        tested: the rows that it is scored on.
        fingerprints: by sha256, for nearly the same sounds; None or incomplete: those are not compared."""
    fingerprints = fingerprints or {}
    hashes = {row.sha256 for row in trained if row.sha256}
    sentences = {_sentence(row) for row in trained} - {""}
    speakers = {speaker_key(speaker) for speaker in {row.speaker for row in trained}} - {""}
    found = {
        "audio": [row for row in tested if row.sha256 in hashes],
        "text": [row for row in tested if _sentence(row) in sentences],
        "speakers": [row for row in tested if speaker_key(row.speaker) in speakers],
        "sound": _alike(trained, [row for row in tested if row.sha256 not in hashes], fingerprints),
    }
    return Leakage(
        trained=len(trained),
        tested=len(tested),
        **{kind: len(rows) for kind, rows in found.items()},
        sound_compared=any(row.sha256 in fingerprints for row in tested),
        listed={kind: tuple(row.audio for row in rows[:MAX_LISTED]) for kind, rows in found.items() if rows},
    )


def known_fingerprints(corpora: Iterable[Corpus]) -> dict[str, str]:
    """Returns the fingerprints of the audio that has been measured, by sha256."""
    return {
        measures.sha256: measures.fingerprint
        for corpus in corpora
        for measures in read_measures(corpus.folder / QUALITY_FILE, AudioMeasures)
        if measures.fingerprint
    }


def _sentence(row: Row) -> str:
    """Returns the normalised sentence with its language; "" without words."""
    return f"{row.language}\n{split_key(row.text)}" if has_words(row.text) else ""


def _alike(trained: Sequence[Row], tested: Sequence[Row], fingerprints: Mapping[str, str]) -> list[Row]:
    """Returns the test rows that sound nearly like a training row."""
    trained = [row for row in trained if fingerprints.get(row.sha256)]
    tested = [row for row in tested if fingerprints.get(row.sha256)]
    if not trained or not tested:
        return []
    pairs = near_sounds(
        [fingerprints[row.sha256] for row in tested],
        [row.duration_s for row in tested],
        [fingerprints[row.sha256] for row in trained],
        [row.duration_s for row in trained],
    )
    positions = sorted({pair.first for pair in pairs})
    return [tested[i] for i in positions]
