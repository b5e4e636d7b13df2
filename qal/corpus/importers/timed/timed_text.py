"""The format of recordings with subtitles, labels or annotations beside them: each sentence becomes an example."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qal.corpus.importers.listing import AudioPiece, Candidate, Listing, ListingOptions, Problem, SourceFormat
from qal.corpus.importers.tables.text_encoding import GUESSED_TEXT, find_encoding
from qal.corpus.importers.timed.activity import SpeechActivity, read_activity
from qal.corpus.importers.timed.borders import refined_cues
from qal.corpus.importers.timed.checked import Rejected, checked_cues
from qal.corpus.importers.timed.cues import Cue
from qal.corpus.importers.timed.joining import joined_cues
from qal.corpus.importers.timed.long_cues import CutCue, cut_long_cues
from qal.corpus.importers.timed.recordings import (
    OTHER_FORM,
    TimedRecording,
    find_recordings,
    has_mostly_cues,
)
from qal.corpus.importers.timed.shift import NO_SHIFT, Shift, estimate_shift
from qal.corpus.importers.timed.transcript import DISAGREES
from qal.errors import AudioDecodeError, CorpusError, StorageError

NO_CUES = "has no subtitles, labels or annotations of the same name beside it; add them, such as {name}.srt"
NOTHING_FOUND = "has no recording with a file of cues of the same name; put talk.mp3 and talk.srt next to each other"
SENTENCE = "sentence {}"
SHIFTED = "The times of {name} were {shift}, because its cues fit the speech of the recording there."


@dataclass(frozen=True)
class TimedPieces:
    """The pieces of one recording, and the cues that cannot become examples."""

    cues: Sequence[Cue]
    faulty: Sequence[Rejected]
    too_long: Sequence[Rejected]  # for one example
    unspoken: Sequence[Rejected]  # as it should be: a sound, or silence
    shift: Shift = NO_SHIFT


def timed_pieces(cues: Sequence[Cue], activity: SpeechActivity) -> TimedPieces:
    """Turns the cues of a file into pieces of its recording, with one sentence or a few seconds each."""
    last_s = activity.duration_s
    ended = [replace(cue, end_s=max(last_s, cue.start_s + 1)) if math.isinf(cue.end_s) else cue for cue in cues]
    spoken, faulty, unspoken = checked_cues(ended)
    shift = estimate_shift(spoken, activity)
    with_sound, without_sound = refined_cues([shift.applied(cue) for cue in spoken], activity)
    pieces, too_long = joined_cues(with_sound)
    return TimedPieces(pieces, [*faulty, *without_sound], too_long, unspoken, shift)


def list_timed_text(source: Path, options: ListingOptions) -> Listing:
    """Lists the pieces of the recordings. Raises CorpusError if there is none with a file of cues."""
    recordings = list(find_recordings(source, options.language))
    with_cues = [recording for recording in recordings if recording.cue_file]
    if not with_cues:
        reason = next((recording for recording in recordings if recording.reason), None)
        raise CorpusError(f"{reason.recording.name}: {reason.reason}" if reason else f"{source.name}: {NOTHING_FOUND}")
    entries = (entry for recording in recordings for entry in _entries(recording, options))
    if len(with_cues) > 1:
        return Listing(entries)
    return Listing(list(entries), notes=_shift_note(with_cues[0], options.language))


def _shift_note(recording: TimedRecording, language: str) -> str:
    """Returns a sentence if the cues of a recording are moved as a whole; "" otherwise."""
    try:
        shift = _read_pieces(recording, language).shift
    except (CorpusError, AudioDecodeError, StorageError):
        return ""
    name = recording.cue_file.name if recording.cue_file else ""
    return SHIFTED.format(name=name, shift=shift) if shift != NO_SHIFT else ""


def _read_pieces(recording: TimedRecording, language: str) -> TimedPieces:
    return timed_pieces(recording.read_cues(language), read_activity(recording.recording))


def _entries(recording: TimedRecording, options: ListingOptions) -> Iterator[Candidate | Problem]:
    """Yields the pieces of a recording and the problems of its cues; a file that cannot be read is one problem."""
    if recording.cue_file is None:
        path = recording.recording
        if recording.form_of is not None:
            yield Problem(path.name, OTHER_FORM.format(name=recording.form_of.name), is_fault=False)
        else:
            yield Problem(path.name, recording.reason or NO_CUES.format(name=path.stem))
        return
    name, language = recording.cue_file.name, options.language or recording.language
    cut: Sequence[CutCue] = ()
    try:
        pieces = _read_pieces(recording, options.language)
        too_long = pieces.too_long
        if too_long and options.transcriber:
            activity = read_activity(recording.recording)
            cut, too_long = cut_long_cues(recording.recording, too_long, activity, options.transcriber, language)
    except (CorpusError, AudioDecodeError, StorageError) as error:
        yield Problem(name, _reason(error, recording))
        return
    notes = (*((f"times {pieces.shift}",) if pieces.shift != NO_SHIFT else ()), *_encoding_notes(recording, options))
    found = [Candidate(_audio(recording, cue), cue.text, place=cue.name, speaker=cue.speaker) for cue in pieces.cues]
    found += [candidate for cue in cut for candidate in _pieces_of(cue, recording)]
    for candidate in sorted(found, key=_start_s):
        text = "" if options.no_text else candidate.text
        yield replace(candidate, text=text, language=language, place=f"{name}, {candidate.place}", notes=notes)
    for cue, reason in sorted([*pieces.faulty, *too_long], key=lambda pair: pair[0].number):
        yield Problem(f"{name}, {cue.name}", reason)
    for part in cut:
        for sentence, reason in part.problems:
            yield Problem(f"{name}, {part.cue.name}, {SENTENCE.format(sentence.number)}", reason)
    for cue, reason in pieces.unspoken:
        yield Problem(f"{name}, {cue.name}", reason, is_fault=False)


def _pieces_of(part: CutCue, recording: TimedRecording) -> Iterator[Candidate]:
    for piece, agrees in part.pieces:
        yield Candidate(
            audio=_audio(recording, piece),
            text=piece.text,
            speaker=piece.speaker,
            place=f"{part.cue.name}, {SENTENCE.format(piece.number)}",
            marks=() if agrees else (DISAGREES,),
        )


def _audio(recording: TimedRecording, cue: Cue) -> AudioPiece:
    return AudioPiece(recording.recording, cue.start_s, cue.end_s)


def _start_s(candidate: Candidate) -> float:
    return candidate.audio.start_s if isinstance(candidate.audio, AudioPiece) else 0.0


def _encoding_notes(recording: TimedRecording, options: ListingOptions) -> tuple[str, ...]:
    if recording.track is not None:
        return ()
    assert recording.cue_file
    encoding = find_encoding(recording.cue_file, options.language or recording.language)
    return (GUESSED_TEXT.format(encoding.name),) if encoding.is_guessed else ()


def _reason(error: Exception, recording: TimedRecording) -> str:
    """Returns the message of an error without the name of the file of cues, which the problem's place states."""
    assert recording.cue_file
    return str(error).removeprefix(f"{recording.cue_file.name}: ")


TIMED_TEXT = SourceFormat(
    name="subtitles",
    title="Recordings with subtitles or labels",
    description=(
        "long recordings with a file of the same name beside each: SRT, WebVTT, ASS, TTML, Praat TextGrid, ELAN or "
        "labels of Audacity"
    ),
    recognises=has_mostly_cues,
    list=list_timed_text,
)
