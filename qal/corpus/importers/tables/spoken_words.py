"""The spoken words of the texts of tables and of clips: without labels of speakers and descriptions of sounds."""

from typing import NamedTuple

from qal.corpus.importers.conversion.clean_text import LABEL_MOVED, SOUND_REMOVED
from qal.corpus.importers.timed.cue_text import without_label, without_sounds


class SpokenWords(NamedTuple):
    """The words of a text that are spoken, and what was removed from it."""

    text: str  # "" if nothing is spoken
    speaker: str  # "" if the text does not name one
    notes: tuple[str, ...]


def spoken_words(text: str, labels: frozenset[str] = frozenset()) -> SpokenWords:
    """Returns the spoken words of a text.

    Args:
        text: the text, as its table has it.
        labels: names of speakers with which the texts of the table begin."""
    unlabelled, speaker = without_label(text, labels)
    spoken = without_sounds(unlabelled)
    notes = ((LABEL_MOVED,) if unlabelled != text else ()) + ((SOUND_REMOVED,) if spoken != unlabelled else ())
    return SpokenWords(spoken, speaker, notes)
