"""Imports a user's own recordings: a folder of audio files, with or without transcripts."""

from pathlib import Path

from tqdm import tqdm

from qal.audio.decode import decode
from qal.corpus.importers.given_splits import given_by_path
from qal.corpus.importers.staging import (
    AUDIO_FOLDER,
    OnSkip,
    add_utterance,
    check_language_code,
    ignore_skipped,
    staged,
    write_split_corpus,
)
from qal.corpus.importers.transcripts import TABLE_NAMES, Recording, list_audio, list_transcribed
from qal.corpus.manifest import UNKNOWN, Corpus, Origin, Row, read_corpus
from qal.corpus.words import has_words
from qal.errors import AudioDecodeError, CorpusError

MAX_NAME_BYTES = 250  # 255 on most disks, and a suffix is added
NO_AUDIO = "contains no audio files; give a folder with WAV, FLAC, MP3, OGG or similar files"
NO_RECORDINGS = (
    f"contains no recordings; put name.wav and name.txt next to each other, or list them in {' or '.join(TABLE_NAMES)}"
)


def import_folder(
    folder: Path,
    language: str,
    out: Path,
    *,
    no_text: bool = False,
    source: str | None = None,
    licence: str = UNKNOWN,
    attribution: str = "",
    force: bool = False,
    on_skip: OnSkip = ignore_skipped,
) -> Corpus:
    """Copies the recordings of a folder, as 16 kHz WAV, into the new corpus `out`.

    Args:
        folder: the folder of the recordings.
        language: code of the spoken language.
        out: folder of the new corpus.
        no_text: every audio file becomes a row without text, for distillation.
        source: the source for corpus.json; None: the folder's name.
        licence: terms of use.
        attribution: name to credit.
        force: replaces an existing corpus.
        on_skip: called for each recording that is unreadable or has no transcript.

    Raises:
        CorpusError: no usable recording, or `out` is in use.
        StorageError: `out` cannot be written.
    """
    language = check_language_code(language)
    source = source or f"the folder '{folder.resolve().name}'"
    recordings = _list_recordings(folder, out, no_text)
    if not recordings:
        raise CorpusError(f"{source}: {NO_AUDIO if no_text else NO_RECORDINGS}")
    with staged(out, force) as new:
        rows, split_names = [], []
        for recording in tqdm(recordings, desc="recordings", unit="file"):
            try:
                rows.append(_convert(recording, folder, new, language, no_text))
                split_names.append(recording.split_name)
            except (AudioDecodeError, CorpusError) as error:
                on_skip(str(error))
        if not rows:
            raise CorpusError(f"{source}: no usable recordings; see the list above")
        origin = Origin(name=out.resolve().name, source=source, licence=licence, attribution=attribution)
        given = given_by_path([row.audio for row in rows], split_names)
        write_split_corpus(new, out, origin, rows, given)
    return read_corpus(out)


def _list_recordings(folder: Path, out: Path, no_text: bool) -> list[Recording]:
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder; give the folder of the recordings")
    source, target = folder.resolve(), out.resolve()
    if source.is_relative_to(target) or target.is_relative_to(source):
        raise CorpusError(f"{out}: overlaps with the folder of the recordings; choose another --out")
    return list_audio(folder) if no_text else list_transcribed(folder)


def _convert(recording: Recording, folder: Path, new: Path, language: str, no_text: bool) -> Row:
    """Adds a recording to the folder `new`. Raises CorpusError or AudioDecodeError with the reason to skip it."""
    path = recording.path
    if ".." in path.parts or not path.is_relative_to(folder):  # links are followed: the hub's cache consists of them
        raise CorpusError(f"{path}: outside the folder")
    name = _checked_name(path.relative_to(folder).as_posix())
    if recording.skip_reason:
        raise CorpusError(f"{name}: {recording.skip_reason}")
    if not no_text and not has_words(recording.text) and not has_words(recording.translation):
        raise CorpusError(f"{name}: its transcript has no words")
    target = f"{AUDIO_FOLDER}/{name}" if path.suffix == ".wav" else f"{AUDIO_FOLDER}/{name}.wav"
    if (new / target).exists():
        raise CorpusError(f"{name}: listed twice; only the first entry is used")
    row = add_utterance(new, target, decode(path), recording.text, language, recording.speaker)
    return row.model_copy(update={"translation": recording.translation})


def _checked_name(name: str) -> str:
    """Returns the name. Raises CorpusError if a manifest or the disk of another system could not hold it."""
    try:
        components = name.encode().split(b"/")
    except UnicodeEncodeError as error:
        raise CorpusError(f"{name!a}: the file name is not UTF-8; rename the file") from error
    if b"\0" in name.encode() or max(map(len, components)) > MAX_NAME_BYTES:
        raise CorpusError(f"{ascii(name)[:60]}: the file name is too long or invalid; rename the file")
    return name
