"""Pronunciations of words by espeak-ng, and the distance of two phonemes by their articulatory features (panphon).

espeak-ng is a program of its own (in Debian: apt install espeak-ng). Words are pronounced one by one, so that the same
word always has the same phonemes. Stress and tones are left out."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from qal.errors import EvaluationError

PROGRAM = "espeak-ng"
VOICES = {"no": "nb"}  # espeak-ng's names where they differ from Whisper's
NOT_PRONOUNCED = frozenset({"zh", "ja"})  # it reads many of their characters as English words
SWITCH = re.compile(r"\([^)]*\)")  # the mark of a change of the language inside a word
TIE = "\u0361"  # joins the two signs of an affricate or diphthong
WORDS_AT_ONCE = 2000
TIMEOUT_S = 60

Phonemes = tuple[str, ...]


def pronunciations(words: Iterable[str], language: str) -> Mapping[str, Phonemes]:
    """Returns the phonemes of each word, in IPA; () for a word that has none.

    Args:
        words: normalised words.
        language: their language code.

    Raises:
        EvaluationError: espeak-ng is missing, does not know the language or does not answer.
    """
    different = sorted({word for word in words if word.strip()})
    found: dict[str, Phonemes] = {}
    for first in range(0, len(different), WORDS_AT_ONCE):
        batch = different[first : first + WORDS_AT_ONCE]
        found |= zip(batch, map(segments, _ipa_lines(batch, language)), strict=True)
    return found


def segments(ipa: str) -> Phonemes:
    """Splits IPA into phonemes, without stress, tones, and espeak-ng's marks of a change of the language."""
    return tuple(_features().ipa_segs(SWITCH.sub(" ", ipa)))


@cache
def distance(a: str, b: str) -> float:
    """Returns the share of the articulatory features in which two phonemes differ, 0 to 1."""
    features = _features()
    return float(features.fts(a).norm_distance(features.fts(b)))


def require_espeak() -> str:
    """Returns the path of espeak-ng. Raises EvaluationError if it is not installed."""
    path = shutil.which(PROGRAM)
    if path is None:
        raise EvaluationError(
            f"phonemes need the program {PROGRAM}, which is not installed; install it (in Debian: apt install "
            f"{PROGRAM}) and try again"
        )
    return path


def _ipa_lines(words: Sequence[str], language: str) -> list[str]:
    """Returns a line of IPA for each word."""
    lines = _run(words, language)
    if len(lines) == len(words):
        return lines
    if len(words) == 1:  # a long word is spoken in several parts
        return [" ".join(lines)]
    middle = len(words) // 2
    return _ipa_lines(words[:middle], language) + _ipa_lines(words[middle:], language)


def _run(words: Sequence[str], language: str) -> list[str]:
    if language in NOT_PRONOUNCED:
        raise EvaluationError(_cannot_pronounce(language))
    command = [require_espeak(), "-q", "--ipa", f"--tie={TIE}", "-v", VOICES.get(language, language)]
    try:
        done = subprocess.run(
            command, input="\n".join(words) + "\n", capture_output=True, encoding="utf-8", timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise EvaluationError(f"{PROGRAM} did not answer within {TIMEOUT_S} s; evaluate fewer examples") from error
    if done.returncode:
        raise EvaluationError(_cannot_pronounce(language))
    return done.stdout.splitlines()


def _cannot_pronounce(language: str) -> str:
    return f"{PROGRAM} cannot pronounce the language '{language}'; leave out the phonemes"


@cache
def _features() -> Any:
    from panphon.featuretable import FeatureTable  # reads a table of 6,000 sounds, which takes a second

    return FeatureTable()
