"""The formats that can be imported, found through one registry.

A new format is a module with a `SourceFormat`, one line here, and a section in docs/import.md."""

from collections.abc import Sequence

from qal.corpus.importers.listing import SourceFormat
from qal.corpus.importers.timed.timed_text import TIMED_TEXT

FORMATS: Sequence[SourceFormat] = (
    TIMED_TEXT,
)  # the more specific ones first: the first that recognises a source is taken
