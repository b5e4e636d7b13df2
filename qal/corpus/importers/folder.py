"""Recordings of one's own: a folder of audio files, with or without text."""

from pathlib import Path

from tqdm import tqdm

from qal.audio.decode import decode
from qal.corpus.importers.staging import OnSkip, add_utterance, check_code, ignore, staged
from qal.corpus.importers.transcripts import TABLES, Recording, list_audio, list_transcribed
from qal.corpus.manifest import UNKNOWN, Corpus, Origin, Row, read_corpus, write_corpus
from qal.errors import AudioDecodeError, CorpusError
from qal.text.normalisation import normalise

MAX_NAME_BYTES = 250  # 255 on most disks, and a suffix is added
NO_AUDIO = "holds no audio files; give a folder with WAV, FLAC, MP3, OGG or similar files"
NO_RECORDINGS = (
    f"holds no recordings; put name.wav and name.txt beside each other, or list them in {' or '.join(TABLES)}"
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
    on_skip: OnSkip = ignore,
) -> Corpus:
    """Copies the audio, as 16 kHz WAV, into the new corpus `out`; `source` is what corpus.json will say.

    With `no_text` every audio file becomes a row without text, for distillation. Files that are unreadable
    or say nothing are left out and told to `on_skip`.
    Raises CorpusError (nothing usable, `out` in use), StorageError."""
    check_code(language)
    source = source or f"the folder '{folder.resolve().name}'"
    recordings = _list(folder, out, no_text)
    if not recordings:
        raise CorpusError(f"{source}: {NO_AUDIO if no_text else NO_RECORDINGS}")
    with staged(out, force) as new:
        rows = []
        for recording in tqdm(recordings, desc="recordings", unit="file"):
            try:
                rows.append(_convert(recording, folder, new, language, no_text))
            except (AudioDecodeError, CorpusError) as error:
                on_skip(str(error))
        if not rows:
            raise CorpusError(f"{source}: none of the {len(recordings)} recordings is usable; the list above says why")
        write_corpus(
            new, Origin(name=out.resolve().name, source=source, licence=licence, attribution=attribution), rows
        )
    return read_corpus(out)


def _list(folder: Path, out: Path, no_text: bool) -> list[Recording]:
    if not folder.is_dir():
        raise CorpusError(f"{folder}: there is no such folder; give the folder that holds the recordings")
    here, there = folder.resolve(), out.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise CorpusError(f"{out}: is, holds or lies in the folder of the recordings; choose an --out elsewhere")
    return list_audio(folder) if no_text else list_transcribed(folder)


def _convert(recording: Recording, folder: Path, new: Path, language: str, no_text: bool) -> Row:
    """Raises CorpusError or AudioDecodeError with the reason to leave the recording out."""
    path = recording.path
    if ".." in path.parts or not path.is_relative_to(folder):  # links are followed: the hub's cache is made of them
        raise CorpusError(f"{path}: lies outside the folder")
    name = _checked_name(path.relative_to(folder).as_posix())
    if recording.fault:
        raise CorpusError(f"{name}: {recording.fault}")
    if not no_text and not normalise(recording.text) and not normalise(recording.translation):
        raise CorpusError(f"{name}: has no text")
    target = f"audio/{name}" if path.suffix == ".wav" else f"audio/{name}.wav"
    if (new / target).exists():
        raise CorpusError(f"{name}: is listed twice; the first one was taken")
    row = add_utterance(new, target, decode(path), recording.text, language, recording.speaker)
    return row.model_copy(update={"translation": recording.translation})


def _checked_name(name: str) -> str:
    """Raises CorpusError for a name that a manifest or another system's disk could not hold."""
    try:
        parts = name.encode().split(b"/")
    except UnicodeEncodeError as error:
        raise CorpusError(f"{name!a}: its name is not UTF-8; rename it") from error
    if b"\0" in name.encode() or max(map(len, parts)) > MAX_NAME_BYTES:
        raise CorpusError(f"{ascii(name)[:60]}: its name is not one a disk can hold; rename it")
    return name
