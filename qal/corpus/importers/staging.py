"""What every importer does alike: build beside the target, then take its place."""

import hashlib
import re
import shutil
import tempfile
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qal.audio.samples import PCM_BYTES, SAMPLE_RATE, Samples, seconds, to_pcm16
from qal.corpus.manifest import CORPUS_INFO, MANIFEST, Row
from qal.corpus.split import split_of
from qal.errors import CorpusError
from qal.storage import storage_errors

LANGUAGE_CODE = re.compile(r"[a-z]{2,3}")
AUDIO_FOLDER, LICENCE_FILE = "audio", "LICENCE.txt"

OWN_FILES = {MANIFEST, CORPUS_INFO, AUDIO_FOLDER, LICENCE_FILE}  # what --force may delete

OnSkip = Callable[[str], None]  # is told, in a clause, of every file that is left out


def ignore(_clause: str) -> None:
    pass


def check_code(language: str) -> str:
    """Two or three small letters; whether a model knows them is the engine's to say."""
    if not LANGUAGE_CODE.fullmatch(language):
        raise CorpusError(f"'{language}' is not a language code; give two or three small letters, such as am or en")
    return language


@contextmanager
def staged(out: Path, force: bool) -> Iterator[Path]:
    """A new folder that becomes `out` when the block ends well; when it does not, nothing is left.

    Raises CorpusError when `out` is in use, StorageError when it cannot be written."""
    _check_free(out, force)
    target = out.resolve()
    with storage_errors(f"the corpus {out}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
            folder = Path(temporary, "new")
            folder.mkdir()
            yield folder
            if target.exists():
                target.rename(Path(temporary, "old"))
            folder.rename(target)


def _check_free(out: Path, force: bool) -> None:
    for parent in (out, *out.parents):
        if parent.exists() and not parent.is_dir():
            raise CorpusError(f"{parent}: is a file, not a folder; choose another --out")
    if not out.exists() or not any(out.iterdir()):
        return
    if not force:
        raise CorpusError(f"{out}: is there already and not empty; choose another --out, or replace it with --force")
    names = {path.name for path in out.iterdir()}
    if not names & {MANIFEST, CORPUS_INFO} or names - OWN_FILES:
        foreign = min(names - OWN_FILES, default=AUDIO_FOLDER)
        raise CorpusError(
            f"{out}: holds '{foreign}', which no import made and --force does not delete; choose another --out"
        )


def add_utterance(folder: Path, audio: str, samples: Samples, text: str, language: str, speaker: str = "") -> Row:
    """Writes the samples to folder/audio as 16-bit WAV at 16 kHz, which every browser plays; -> the row."""
    path = folder / audio
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(PCM_BYTES)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(to_pcm16(samples).tobytes())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Row(
        audio=audio,
        text=text,
        language=language,
        speaker=speaker,
        duration_s=round(seconds(samples), 3),
        split=split_of(text, language, sha256),
        sha256=sha256,
    )


def copy_licence(source: Path, folder: Path) -> None:
    """The full text of the licence travels with the audio."""
    shutil.copyfile(source, folder / LICENCE_FILE)
