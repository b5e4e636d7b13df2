"""Steps common to the importers of speech from Debian packages: download, find the clips, convert the usable ones."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from qal.audio.decode import decode
from qal.audio.samples import seconds
from qal.corpus.importers.debian import unpack_packages
from qal.corpus.importers.staging import AUDIO_FOLDER, OnSkip, add_utterance, copy_licence, staged, write_split_corpus
from qal.corpus.manifest import Corpus, Origin, Row, read_corpus
from qal.errors import AudioDecodeError

MIN_UTTERANCE_S = 0.6
MAX_UTTERANCE_S = 29.0  # leaves one second for the margin within Whisper's window
MAX_CHARACTERS_PER_S = 25  # faster than any speaker: the recording is cut off or does not match its text
MAX_DECODERS = 8


@dataclass(frozen=True)
class Clip:
    """A recording and its transcript before the audio is decoded."""

    name: str  # path in the corpus, without suffix
    audio: Path
    text: str | None  # None if there is no transcript or it is uncertain
    speaker: str


FindClips = Callable[[Path], Iterable[Clip]]  # its argument is the root of the unpacked packages


def import_packages(
    packages: list[str],
    origin: Origin,
    language: str,
    find_clips: FindClips,
    out: Path,
    *,
    force: bool,
    on_skip: OnSkip,
) -> Corpus:
    """Downloads Debian packages and imports their clips into the new corpus `out`.

    Args:
        packages: names of the packages; the licence file of the first one is copied.
        origin: source and terms of use of the corpus.
        language: code of the spoken language.
        find_clips: finds the clips in the unpacked packages.
        out: folder of the new corpus.
        force: replaces an existing corpus.
        on_skip: called for each clip that is skipped.

    Raises:
        CorpusError: no apt, no usable clip, or `out` is in use.
        StorageError: `out` cannot be written.
    """
    with staged(out, force) as folder, tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        root = unpack_packages(packages, Path(temporary))
        rows = convert(find_clips(root), folder, language, on_skip)
        copy_licence(root / f"usr/share/doc/{packages[0]}/copyright", folder)
        write_split_corpus(folder, out, origin, rows, speakers_are_people=False)
    return read_corpus(out)


def convert(clips: Iterable[Clip], folder: Path, language: str, on_skip: OnSkip) -> list[Row]:
    """Converts the usable clips to rows with audio in `folder`, and calls `on_skip` for every other clip."""
    candidates = list(_without_duplicates(_with_text(clips, on_skip), on_skip))
    rows = []
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_DECODERS)) as pool:
        results = pool.map(lambda clip: _convert_clip(clip, folder, language), candidates)
        progress = tqdm(candidates, desc=f"clips ({language})", unit="clip")
        for clip, result in zip(progress, results, strict=True):
            if isinstance(result, Row):
                rows.append(result)
            else:
                on_skip(f"{clip.name}: {result}")
    return rows


def _with_text(clips: Iterable[Clip], on_skip: OnSkip) -> Iterator[Clip]:
    for clip in sorted(clips, key=lambda clip: clip.name):
        if clip.text and any(c.isalpha() for c in clip.text):
            yield clip
        else:
            on_skip(f"{clip.name}: no transcript, or an uncertain one")


def _without_duplicates(clips: Iterable[Clip], on_skip: OnSkip) -> Iterator[Clip]:
    """Yields the first clip of each recording; several pictures or scenes may use the same one."""
    first_names: dict[str, str] = {}
    for clip in clips:
        name = first_names.setdefault(hashlib.sha256(clip.audio.read_bytes()).hexdigest(), clip.name)
        if name == clip.name:
            yield clip
        else:
            on_skip(f"{clip.name}: the same recording as {name}")


def _convert_clip(clip: Clip, folder: Path, language: str) -> Row | str:
    """Returns the row, or the reason why the clip is skipped."""
    try:
        samples = decode(clip.audio)
    except AudioDecodeError:
        return "not readable as audio"
    if not MIN_UTTERANCE_S <= seconds(samples) <= MAX_UTTERANCE_S:
        return f"{seconds(samples):.1f} s long, not {MIN_UTTERANCE_S} to {MAX_UTTERANCE_S} s"
    text = clip.text or ""
    if len(text) > MAX_CHARACTERS_PER_S * seconds(samples):
        return f"too short ({seconds(samples):.1f} s) for its {len(text)} characters"
    try:
        return add_utterance(folder, f"{AUDIO_FOLDER}/{clip.name}", samples, text, language, clip.speaker)
    except AudioDecodeError as error:
        return str(error).removeprefix(f"{clip.name}: ")
