"""Cuts cues that are longer than Whisper's window into pieces, at the words that a model recognises in them.

cue       ├── 48 s, one paragraph of text ──┤
words      █ ██ █ ██   ███ █ █ ██   █ ███ █          of the model, with times
pieces    ├───────────┤├──────────┤├────────┤          whose text and sound agree; others are marked"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qal.corpus.importers.alignment import TimeRange, Transcriber
from qal.corpus.importers.timed.activity import SpeechActivity
from qal.corpus.importers.timed.checked import Rejected
from qal.corpus.importers.timed.cues import Cue
from qal.corpus.importers.timed.transcript import Piece, align_transcript
from qal.errors import QalError


@dataclass(frozen=True)
class CutCue:
    """The pieces of a long cue, and the sentences of it that were not found."""

    cue: Cue
    pieces: Sequence[Piece]
    problems: Sequence[Rejected]


def cut_long_cues(
    recording: Path, long_cues: Sequence[Rejected], activity: SpeechActivity, transcriber: Transcriber, language: str
) -> tuple[list[CutCue], list[Rejected]]:
    """Cuts the long cues of a recording.

    Args:
        recording: the recording, of which only these parts are transcribed.
        long_cues: in order of time and with refined borders, and the reason why each is too long.
        activity: the speech of the recording.
        transcriber: the model.
        language: language code; "": it is detected.

    Returns:
        the cues that were cut; and, if the model cannot be used, all of them with the reason."""
    ranges = [TimeRange(cue.start_s, cue.end_s) for cue, _ in long_cues]
    try:
        words = transcriber.words(recording, language, ranges)
    except QalError as error:  # such as a model that cannot be downloaded: the other cues are imported without it
        return [], [(cue, f"{reason}. They were not cut by {transcriber.name}: {error}") for cue, reason in long_cues]
    cut = []
    for cue, _ in long_cues:
        own = [word for word in words if word.end_s > cue.start_s and word.start_s < cue.end_s]
        pieces, problems = align_transcript(cue.text, own, activity, language)
        cut.append(CutCue(cue, list(_within(pieces, cue)), problems))
    return cut, []


def _within(pieces: Sequence[Piece], cue: Cue) -> Iterator[Piece]:
    """Yields the pieces with times within those of the cue, and with its speaker."""
    for piece in pieces:
        start_s, end_s = max(piece.cue.start_s, cue.start_s), min(piece.cue.end_s, cue.end_s)
        own = replace(piece.cue, start_s=start_s, end_s=end_s, speaker=piece.cue.speaker or cue.speaker)
        yield piece._replace(cue=own)
