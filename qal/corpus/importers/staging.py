"""Steps common to all importers: build the corpus in a temporary folder, then move it to its target."""

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from qal.audio.samples import Samples
from qal.corpus.importers.conversion.writing import FLAC_SUFFIX, WAV_SUFFIX, write_flac
from qal.corpus.manifest import CORPUS_INFO_FILE, MANIFEST_FILE, Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.quality.measures import AGREEMENT_FILE, QUALITY_FILE
from qal.corpus.split import Split, split_of
from qal.corpus.split_assignment import assign_splits
from qal.corpus.versions.history import keep_versions, record_creation
from qal.corpus.versions.store import VERSIONS_FOLDER
from qal.errors import CorpusError
from qal.storage import make_folder, storage_errors
from qal.text.languages import resolve_language

AUDIO_FOLDER, LICENCE_FILE = "audio", "LICENCE.txt"
NEW_FOLDER, OLD_FOLDER, LOCK_FILE = "new", "old", "lock"  # of an import: what it makes, and what it replaces

MEASURES = (QUALITY_FILE, AGREEMENT_FILE)  # they are found again by the hash of the audio
IMPORTED_NAMES = {  # --force may delete them
    *(MANIFEST_FILE, CORPUS_INFO_FILE, AUDIO_FOLDER, LICENCE_FILE, VERSIONS_FOLDER),
    *MEASURES,
}

OnSkip = Callable[[str], None]  # called with "name: reason" for every recording that is skipped


def ignore_skipped(_reason: str) -> None:
    """Discards the reason; the default for `on_skip`."""


def check_language_code(language: str) -> str:
    """Returns the code of a language that is given by a code or an English name; models are not consulted.

    Raises CorpusError for other words."""
    code = resolve_language(language)
    if code is None:
        raise CorpusError(f"'{language}' is not a language; give a code such as am or en, or a name such as Amharic")
    return code


@contextmanager
def staged(out: Path, force: bool) -> Iterator[Path]:
    """Yields a new folder that replaces `out` if the block succeeds and is deleted if it fails.

    Raises CorpusError if `out` is in use, StorageError if it cannot be written."""
    target = out.resolve()
    put_back_replaced(target)
    check_replaceable(out, force)
    with storage_errors(f"the dataset {out}"):
        make_folder(target.parent)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
            folder = Path(temporary, NEW_FOLDER)
            folder.mkdir()
            yield folder
            is_replaced = (target / MANIFEST_FILE).is_file() and keep_versions(target, folder)
            if not is_replaced:
                record_creation(folder)
            if target.exists():
                target.rename(Path(temporary, OLD_FOLDER))
            folder.rename(target)
            if is_replaced:
                record_creation(target, "imported again")


def put_back_replaced(target: Path) -> None:
    """Puts back a corpus, or its recorded versions, that an import moved away before it was killed.

    Args:
        target: the resolved folder of the corpus."""
    with storage_errors(f"the dataset {target}"):
        for lock_path in sorted(target.parent.glob(f".{escaped(target.name)}-import-*/{LOCK_FILE}")):
            with lock_path.open("w") as lock, suppress(BlockingIOError):  # held: that import is running
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _put_back(lock_path.parent, target)


def _put_back(staging: Path, target: Path) -> None:
    old, new_versions = staging / OLD_FOLDER, staging / NEW_FOLDER / VERSIONS_FOLDER
    if not target.exists() and (old / MANIFEST_FILE).is_file():
        old.rename(target)
    if (target / MANIFEST_FILE).is_file() and new_versions.is_dir() and not (target / VERSIONS_FOLDER).exists():
        new_versions.rename(target / VERSIONS_FOLDER)


def escaped(name: str) -> str:
    """Returns a pattern for `glob` that matches nothing but the name."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def check_replaceable(out: Path, force: bool) -> None:
    """Raises CorpusError unless `out` is free, or `force` is set and it contains only an imported corpus."""
    for parent in (out, *out.parents):
        if parent.exists() and not parent.is_dir():
            raise CorpusError(f"{parent}: is a file, not a folder; choose another --out")
    if not out.exists() or not any(out.iterdir()):
        return
    if not force:
        raise CorpusError(f"{out}: exists and is not empty; choose another --out or replace it with --force")
    names = {path.name for path in out.iterdir()}
    if not names & {MANIFEST_FILE, CORPUS_INFO_FILE} or names - IMPORTED_NAMES:
        foreign = min(names - IMPORTED_NAMES, default=AUDIO_FOLDER)
        raise CorpusError(
            f"{out}: contains '{foreign}', which is not from an import, so --force does not delete it; "
            "choose another --out"
        )


def add_utterance(folder: Path, stem: str, samples: Samples, text: str, language: str, speaker: str = "") -> Row:
    """Writes the samples as 16-bit FLAC at 16 kHz, as every import does, and returns the row.

    Args:
        folder: the corpus folder.
        stem: path of the audio file, relative to the folder, without its suffix.
        samples: (n,) at 16 kHz.
        text: transcript; empty if there is none.
        language: language code.
        speaker: name of the speaker; empty if unknown.

    Returns:
        the row, with the split of its sentence's hash; `write_split_corpus` decides.

    Raises:
        AudioDecodeError: the sound is empty, silent or not finite, so that training would refuse it."""
    written = write_flac(folder / stem, samples, stem.removeprefix(f"{AUDIO_FOLDER}/"))
    return Row(
        audio=f"{stem}{written.suffix}",
        text=text,
        language=language,
        speaker=speaker,
        duration_s=written.duration_s,
        split=split_of(text, language, written.sha256),
        sha256=written.sha256,
        notes=written.notes,
    )


def recording_stem(audio: str) -> str:
    """Returns the path of a row's audio without its suffix: older versions wrote WAV where FLAC is written now."""
    return str(PurePosixPath(audio).with_suffix("")) if audio.endswith((WAV_SUFFIX, FLAC_SUFFIX)) else audio


def write_split_corpus(
    folder: Path,
    out: Path,
    origin: Origin,
    rows: Sequence[Row],
    given: Mapping[str, Split] | None = None,
    speakers_are_people: bool = True,
    stratified: bool = False,
) -> Corpus:
    """Splits the rows, writes the corpus into the staged folder, and records how it was split.

    Args:
        folder: the staged folder, which contains the audio files.
        out: the folder of the corpus; rows that it already holds keep their split.
        origin: source and terms of use.
        rows: the rows.
        given: the splits that the source names, by the rows' audio paths.
        speakers_are_people: as in `assign_splits`.
        stratified: as in `assign_splits`."""
    earlier, note = None, ""
    if (out / MANIFEST_FILE).is_file():
        try:
            earlier = with_new_suffixes(read_corpus(out, max_missing_share=1), rows)
        except CorpusError:
            note = "The dataset that was replaced could not be read, so its examples were split anew."
    assigned = assign_splits(rows, given, earlier, speakers_are_people, stratified)
    split_note = " ".join(part for part in (note, assigned.note, _shared_audio_note(assigned.rows)) if part)
    recorded = origin.model_copy(update={"split_by": assigned.split_by, "split_note": split_note})
    for name in MEASURES:
        if (out / name).is_file():
            shutil.copyfile(out / name, folder / name)
    return write_corpus(folder, recorded, assigned.rows)


def _shared_audio_note(rows: Sequence[Row]) -> str:
    """Returns a sentence if recordings of test examples are trained on, as their hashes show; "" if none is."""
    trained = {row.sha256 for row in rows if row.split == "train"}
    tested = [row for row in rows if row.split == "test"]
    shared = sum(row.sha256 in trained for row in tested)
    if not shared:
        return ""
    return f"{shared} of {len(tested)} test examples {'has' if shared == 1 else 'have'} audio that is also trained on."


def with_new_suffixes(earlier: Corpus, rows: Sequence[Row]) -> Corpus:
    """Returns the earlier corpus with the recordings named as they are now; older imports wrote WAV, not FLAC."""
    names = {row.audio for row in rows}
    renamed = {
        old.audio: new
        for old in earlier.rows
        if old.audio not in names and (new := f"{recording_stem(old.audio)}{FLAC_SUFFIX}") in names
    }
    if not renamed:
        return earlier
    old_rows = (row.model_copy(update={"audio": renamed.get(row.audio, row.audio)}) for row in earlier.rows)
    return replace(earlier, rows=tuple(old_rows))


def copy_licence(source: Path, folder: Path) -> None:
    """Copies the full text of the licence into the corpus folder."""
    shutil.copyfile(source, folder / LICENCE_FILE)
