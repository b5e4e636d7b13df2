"""Makes examples of recordings without transcripts, where two readings of a model, or of two, agree.

recordings ─► pieces ─► reading, other reading ─► texts agree, and the model is sure ─► example for training
                                               └► otherwise: left out"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, Field
from rapidfuzz.distance import Levenshtein

from qal.audio.decode import AUDIO_SUFFIXES, decode
from qal.audio.samples import SAMPLE_RATE, WINDOW_S, Samples
from qal.corpus.importers.staging import (
    AUDIO_FOLDER,
    OnSkip,
    add_utterance,
    check_language_code,
    ignore_skipped,
    staged,
)
from qal.corpus.machine_made import PSEUDO_LABEL, for_training_only, train_only_origin
from qal.corpus.manifest import UNKNOWN, Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.words import has_words
from qal.errors import AudioDecodeError, CorpusError
from qal.text.normalisation.registry import normalise

OnRecording = Callable[[Path], object]
NOTES = "The texts are those of a model; none was written or checked by a person."


@dataclass(frozen=True)
class ReadPiece:
    """A piece of a recording with the texts of two readings."""

    start_s: float
    end_s: float
    text: str
    other_text: str
    avg_logprob: float  # mean natural-log probability of the tokens, the lower one of the two readings


class PieceReader(Protocol):
    """Two readings of speech, by two models or by one in two ways."""

    @property
    def name(self) -> str:
        """Both readings, such as "base-adaptive, base"."""
        ...

    def read(self, samples: Samples, language: str) -> Sequence[ReadPiece]:
        """Cuts a recording, (n,) at 16 kHz, into pieces of speech in one language and reads each twice."""
        ...


class AgreementOptions(BaseModel, frozen=True, extra="forbid"):
    """Which pieces become examples."""

    min_agreement: float = Field(
        default=0.95, ge=0, le=1, description="share of the characters that both readings have in common, 0 to 1"
    )
    min_logprob: float = Field(
        default=-0.4, le=0, description="lowest mean log probability of the tokens of both readings"
    )
    min_s: float = Field(default=1.0, ge=0.1, le=WINDOW_S, description="shortest piece in seconds")
    max_s: float = Field(default=20.0, ge=1, le=WINDOW_S, description="longest piece in seconds")


DEFAULT_AGREEMENT = AgreementOptions()


def agreement(text: str, other: str, language: str) -> float:
    """Returns 1 less the edits between two normalised texts per character of the longer one; 0 without words."""
    own, others = (normalise(t, language or None) for t in (text, other))
    longest = max(len(own), len(others))
    return 1 - Levenshtein.distance(own, others) / longest if own and others else 0.0


def reject_reason(piece: ReadPiece, language: str, options: AgreementOptions) -> str:
    """Returns why a piece does not become an example; "" if it does."""
    duration_s = piece.end_s - piece.start_s
    if not options.min_s <= duration_s <= options.max_s:
        return f"{duration_s:.2f} s long, not {options.min_s:g} to {options.max_s:g} s"
    if not has_words(piece.text) or not has_words(piece.other_text):
        return "no words were recognised"
    agreed = agreement(piece.text, piece.other_text, language)
    if agreed < options.min_agreement:
        return f"the readings agree by {agreed:.2f}, less than {options.min_agreement:g}"
    if piece.avg_logprob < options.min_logprob:
        return f"the log probability of its text is {piece.avg_logprob:.2f}, below {options.min_logprob:g}"
    return ""


def label_folder(
    folder: Path,
    reader: PieceReader,
    language: str,
    out: Path,
    *,
    options: AgreementOptions = DEFAULT_AGREEMENT,
    licence: str = UNKNOWN,
    force: bool = False,
    on_skip: OnSkip = ignore_skipped,
    on_recording: OnRecording = lambda _path: None,
) -> Corpus:
    """Makes the corpus `out` of the recordings of a folder.

    Args:
        folder: a folder of recordings, or one recording.
        reader: the two readings.
        language: code of the language that is spoken.
        out: folder of the new corpus.
        options: which pieces become examples.
        licence: terms of use of the recordings.
        force: replaces an existing corpus.
        on_skip: called with the place of each piece that is left out, and why.
        on_recording: called before each recording.

    Raises:
        CorpusError: there are no recordings, no piece is kept, or `out` is in use.
        StorageError: `out` cannot be written.
    """
    language = check_language_code(language)
    recordings = _recordings(folder, out)
    with staged(out, force) as new:
        rows: list[Row] = []
        for recording in recordings:
            on_recording(recording)
            samples = _decoded(recording, on_skip)
            if samples is not None:
                rows += _label(recording, samples, reader, language, new, len(rows), options, on_skip)
        if not rows:
            raise CorpusError(f"{folder}: no piece is certain enough; lower --min-agreement or use a better --model")
        origin = Origin(
            name=out.resolve().name,
            source=f"pseudo-labels of {reader.name} for the {'folder' if folder.is_dir() else 'file'} '{folder.name}'",
            licence=licence,
            notes=NOTES,
        )
        write_corpus(new, train_only_origin(origin), rows)
    return read_corpus(out)


def _decoded(recording: Path, on_skip: OnSkip) -> Samples | None:
    """Returns the samples of a recording; None, after `on_skip` was called, if it cannot be decoded."""
    try:
        return decode(recording)
    except AudioDecodeError as error:
        on_skip(str(error))
        return None


def _recordings(folder: Path, out: Path) -> list[Path]:
    """Returns the recordings in order. Raises CorpusError if there are none, or `out` is among them."""
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder; give the folder of the recordings")
    if out.resolve().is_relative_to(folder.resolve()) or folder.resolve().is_relative_to(out.resolve()):
        raise CorpusError(f"{out}: overlaps with the folder of the recordings; choose another --out")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())
    if not files:
        raise CorpusError(f"{folder}: contains no audio files; give a folder with WAV, FLAC, MP3, OGG or similar files")
    return files


def _label(
    recording: Path,
    samples: Samples,
    reader: PieceReader,
    language: str,
    new: Path,
    count: int,
    options: AgreementOptions,
    on_skip: OnSkip,
) -> list[Row]:
    """Adds the pieces of one recording on which the readings agree, and calls `on_skip` for the others.

    `count` is the number of rows before; the other arguments are those of `label_folder`."""
    rows: list[Row] = []
    for piece in reader.read(samples, language):
        place = f"{recording.name}, {piece.start_s:.2f}-{piece.end_s:.2f} s"
        if reason := reject_reason(piece, language, options):
            on_skip(f"{place}: {reason}")
            continue
        cut = samples[round(piece.start_s * SAMPLE_RATE) : round(piece.end_s * SAMPLE_RATE)]
        try:
            row = add_utterance(new, f"{AUDIO_FOLDER}/{count + len(rows):06}", cut, piece.text, language)
        except AudioDecodeError as error:
            on_skip(f"{place}: {error}")
            continue
        agreed = agreement(piece.text, piece.other_text, language)
        rows.append(for_training_only(row, f"{PSEUDO_LABEL}{reader.name}; agreement {agreed:.2f}; {place}"))
    return rows
