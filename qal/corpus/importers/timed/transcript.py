"""The format of a long recording with a plain transcript beside it: a model finds the time of each sentence.

Pieces in which the text and the words of the model agree are kept; the others are marked, because their text or their
borders may be wrong."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from qal.audio.blocks import read_audio_format
from qal.audio.decode import AUDIO_SUFFIXES
from qal.audio.samples import WINDOW_S
from qal.corpus.importers.alignment import TimedWord, Transcriber
from qal.corpus.importers.file_names import name_key
from qal.corpus.importers.listing import AudioPiece, Candidate, Listing, ListingOptions, Problem, SourceFormat
from qal.corpus.importers.timed.activity import SpeechActivity, read_activity
from qal.corpus.importers.timed.borders import refined_cues
from qal.corpus.importers.timed.cues import Cue, read_text_file
from qal.corpus.importers.timed.joining import MAX_CUE_S, TOO_LONG
from qal.corpus.importers.timed.labels import is_label_track
from qal.corpus.importers.timed.matching import match_words
from qal.corpus.importers.timed.sentences import Sentence, paragraphs, sentences
from qal.errors import AudioDecodeError, CorpusError, StorageError
from qal.text.normalisation.registry import normalise
from qal.text.scripts import split_words

DISAGREES = "text and audio disagree"  # the mark of such rows
MAX_ERROR_RATE = 0.3  # of the characters of a piece, by the model's words
EDGE_CHARACTERS = 6
MIN_EDGE_SIMILARITY = 0.5  # of the first and the last characters, so that no word is cut off
WORD_TOLERANCE_S = 0.5  # of the times of the model's words
MIN_WORDS = 60  # of a transcript; a shorter one belongs to a recording that is one example
NO_MODEL = "its transcript has no times; choose a model that finds them with --align, such as --align base-adaptive"
NOT_FOUND = "its words were not recognised in the recording: {text}"
NOTHING_FOUND = "has no long recording with a transcript beside it; put talk.mp3 and talk.txt next to each other"
MAX_QUOTED_CHARACTERS = 60


class Transcribed(NamedTuple):
    """A long recording and its transcript."""

    recording: Path
    transcript: Path


class Piece(NamedTuple):
    """A piece of a recording, with its text in the transcript."""

    cue: Cue
    agrees: bool


def find_transcribed(source: Path) -> list[Transcribed]:
    """Returns the long recordings of a folder, or that of a single file, that have a long transcript."""
    if not source.exists():
        return []
    folder = source if source.is_dir() else source.parent
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    recordings = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES]
    texts = [path for path in files if path.suffix.lower() == ".txt"]
    by_name = {name_key(text.stem): text for text in texts}
    pairs = [Transcribed(r, by_name[key]) for r in recordings if (key := name_key(r.stem)) in by_name]
    if not pairs and len(recordings) == len(texts) == 1:
        pairs = [Transcribed(recordings[0], texts[0])]
    if source.is_file():
        pairs = [pair for pair in pairs if source in pair]
    return [pair for pair in pairs if _is_long(pair)]


def _is_long(pair: Transcribed) -> bool:
    try:
        if pair.transcript.stat().st_size < MIN_WORDS:  # before it is opened: a folder may hold many short texts
            return False
        text = read_text_file(pair.transcript)
        duration_s = read_audio_format(pair.recording).declared_duration_s
    except (CorpusError, AudioDecodeError, StorageError, OSError):
        return False
    is_long_text = len(split_words(text)) >= MIN_WORDS and not is_label_track(pair.transcript)
    return is_long_text and (duration_s > WINDOW_S or not duration_s)


def list_transcribed(source: Path, options: ListingOptions) -> Listing:
    """Lists the pieces of the recordings. Raises CorpusError if there is none, or no model to find their times."""
    pairs = find_transcribed(source)
    if not pairs:
        raise CorpusError(f"{source.name}: {NOTHING_FOUND}")
    if options.transcriber is None:
        raise CorpusError(f"{pairs[0].recording.name}: {NO_MODEL}")
    transcriber = options.transcriber
    notes = f"The times of the sentences were found by {transcriber.name}, which recognised the words."
    return Listing((entry for pair in pairs for entry in _entries(pair, transcriber, options)), notes=notes)


def _entries(pair: Transcribed, transcriber: Transcriber, options: ListingOptions) -> Iterator[Candidate | Problem]:
    name = pair.transcript.name
    try:
        text, activity = read_text_file(pair.transcript, options.language), read_activity(pair.recording)
        recognised = transcriber.words(pair.recording, options.language)
    except (CorpusError, AudioDecodeError, StorageError) as error:
        yield Problem(name, str(error).removeprefix(f"{name}: "))
        return
    pieces, problems = align_transcript(text, recognised, activity, options.language)
    for piece in pieces:
        yield Candidate(
            audio=AudioPiece(pair.recording, piece.cue.start_s, piece.cue.end_s),
            text="" if options.no_text else piece.cue.text,
            language=options.language,
            speaker=piece.cue.speaker,
            place=f"{name}, {_sentence(piece.cue)}",
            marks=() if piece.agrees else (DISAGREES,),
        )
    for cue, reason in problems:
        yield Problem(f"{name}, {_sentence(cue)}", reason)


def _sentence(cue: Cue) -> str:
    return f"sentence {cue.number}"


def align_transcript(
    text: str, recognised: Sequence[TimedWord], activity: SpeechActivity, language: str
) -> tuple[list[Piece], list[tuple[Cue, str]]]:
    """Finds the pieces of a recording that hold the sentences of its transcript.

    Args:
        text: the transcript.
        recognised: the model's words in order.
        activity: the speech of the recording.
        language: language code; "": unknown.

    Returns:
        the pieces in order, and the sentences without one with the reasons."""
    found, problems = [], []
    for number, sentence in enumerate(_matched_sentences(text, recognised, language), 1):
        cue = Cue(number, sentence.start_s or 0.0, sentence.end_s or 0.0, sentence.text, sentence.speaker)
        if not sentence.is_found:
            problems.append((cue, NOT_FOUND.format(text=_quoted(cue.text))))
        elif sentence.duration_s > MAX_CUE_S:
            problems.append((cue, TOO_LONG.format(duration=sentence.duration_s, limit=MAX_CUE_S)))
        else:
            found.append(cue)
    refined, without_sound = refined_cues(_in_order(found), activity)
    heard = Heard(recognised, language)
    neighbours = zip(
        ["", *(cue.text for cue in refined)], refined, [*(cue.text for cue in refined[1:]), ""], strict=False
    )
    pieces = [Piece(cue, heard.agrees(cue, before, after)) for before, cue, after in neighbours]
    return pieces, sorted([*problems, *without_sound], key=lambda pair: pair[0].number)


def _matched_sentences(text: str, recognised: Sequence[TimedWord], language: str) -> Iterator[Sentence]:
    parts = paragraphs(text)
    words = match_words("\n".join(part.text for part in parts), recognised, language)
    position = 0
    for part in parts:
        count = len(split_words(f"\n{part.text}" if position else part.text))
        yield from sentences(words[position : position + count], part.speaker)
        position += count


def _in_order(cues: Sequence[Cue]) -> list[Cue]:
    """Returns the cues with times that do not overlap: words that were not recognised may reach into a neighbour."""
    ordered: list[Cue] = []
    for cue in cues:
        start_s = max(cue.start_s, ordered[-1].end_s) if ordered else cue.start_s
        ordered.append(Cue(cue.number, start_s, max(cue.end_s, start_s), cue.text, cue.speaker))
    return ordered


class Heard:
    """The words that a model recognised in a recording, in order of time."""

    def __init__(self, recognised: Sequence[TimedWord], language: str):
        self._language = language
        self._keys = [self._key(word.text) for word in recognised]
        self._middles_s = np.maximum.accumulate([(word.start_s + word.end_s) / 2 for word in recognised] or [0.0])

    def agrees(self, cue: Cue, before: str, after: str) -> bool:
        """True if the words in a piece are those of its text, at both ends too.

        Args:
            cue: the piece.
            before: the text of the piece before it.
            after: the text of the piece after it."""
        text, before, after = map(self._key, (cue.text, before, after))
        return any(_agree(text, words) for words in self._readings(cue, before, after))

    def _readings(self, cue: Cue, before: str, after: str) -> Iterator[str]:
        """Yields the words in a piece. The times of words are loose: one near a border may be a neighbour's."""
        first, last = np.searchsorted(self._middles_s[: len(self._keys)], (cue.start_s, cue.end_s))
        firsts, lasts = [first], [last]
        if self._is_near(first - 1, cue.start_s):
            firsts.append(first - 1)
        if self._is_near(first, cue.start_s) and before.endswith(self._keys[first]):
            firsts.append(first + 1)
        if self._is_near(last, cue.end_s):
            lasts.append(last + 1)
        if self._is_near(last - 1, cue.end_s) and after.startswith(self._keys[last - 1]):
            lasts.append(last - 1)
        for start, end in product(firsts, lasts):
            yield "".join(self._keys[start:end])

    def _is_near(self, index: int, border_s: float) -> bool:
        return 0 <= index < len(self._keys) and abs(self._middles_s[index] - border_s) <= WORD_TOLERANCE_S

    def _key(self, text: str) -> str:
        return normalise(text, self._language or None).replace(" ", "")


def _agree(own: str, heard: str) -> bool:
    """True if two normalised texts have few different characters, at both ends too."""
    if not own or Levenshtein.distance(own, heard) > MAX_ERROR_RATE * len(own):
        return False
    edges = (
        (own[:EDGE_CHARACTERS], heard[:EDGE_CHARACTERS]),
        (own[-EDGE_CHARACTERS:], heard[-EDGE_CHARACTERS:]),
    )
    return all(Levenshtein.normalized_similarity(*edge) >= MIN_EDGE_SIMILARITY for edge in edges)


def _quoted(text: str) -> str:
    return text if len(text) <= MAX_QUOTED_CHARACTERS else f"{text[:MAX_QUOTED_CHARACTERS]}…"


TRANSCRIPT = SourceFormat(
    name="transcript",
    title="Long recording with a transcript",
    description="a long recording with its whole text in a .txt beside it, without times; a model finds the sentences",
    recognises=lambda source: bool(find_transcribed(source)),
    list=list_transcribed,
)
