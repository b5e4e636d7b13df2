"""What the importers of Debian's speech do alike: fetch packages, find the clips, keep what is usable."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from qal.audio.decode import decode
from qal.audio.samples import Samples, seconds
from qal.corpus.importers.debian import unpack_packages
from qal.corpus.importers.staging import OnSkip, add_utterance, copy_licence, staged
from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.errors import AudioDecodeError

MIN_UTTERANCE_S = 0.6
MAX_UTTERANCE_S = 29.0  # a second is left for the margin within Whisper's window
MAX_LETTERS_PER_S = 25  # nobody speaks faster: the recording breaks off, or says something shorter
MAX_DECODERS = 8


@dataclass(frozen=True)
class Clip:
    """A recording and what is written about it, before anything is decoded."""

    name: str  # its path in the corpus, without a suffix
    audio: Path
    text: str | None  # None where nobody wrote down what is said, or not for certain
    speaker: str


FindClips = Callable[[Path], Iterable[Clip]]  # is given the root of the unpacked packages


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
    """Fetches the packages and makes their clips the new corpus `out`; the first package's licence goes with it.

    Raises CorpusError (no apt, no usable clip, `out` in use), StorageError."""
    with staged(out, force) as folder, tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        root = unpack_packages(packages, Path(temporary))
        rows = convert(find_clips(root), folder, language, on_skip)
        copy_licence(root / f"usr/share/doc/{packages[0]}/copyright", folder)
        write_corpus(folder, origin, rows)
    return read_corpus(out)


def convert(clips: Iterable[Clip], folder: Path, language: str, on_skip: OnSkip) -> list[Row]:
    """The usable clips as rows, their audio in `folder`; `on_skip` hears of every other one."""
    usable = list(_first_recordings(_with_text(clips, on_skip), on_skip))
    rows = []
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_DECODERS)) as pool:
        converted = pool.map(lambda clip: _row_or_fault(clip, folder, language), usable)
        progress = tqdm(usable, desc=f"clips ({language})", unit="clip")
        for clip, row in zip(progress, converted, strict=True):
            if isinstance(row, Row):
                rows.append(row)
            else:
                on_skip(f"{clip.name}: {row}")
    return rows


def _with_text(clips: Iterable[Clip], on_skip: OnSkip) -> Iterator[Clip]:
    for clip in sorted(clips, key=lambda clip: clip.name):
        if clip.text and any(c.isalpha() for c in clip.text):
            yield clip
        else:
            on_skip(f"{clip.name}: no text says for certain what is said")


def _first_recordings(clips: Iterable[Clip], on_skip: OnSkip) -> Iterator[Clip]:
    """One recording serves several pictures or scenes; it is one utterance all the same."""
    first: dict[str, str] = {}
    for clip in clips:
        name = first.setdefault(hashlib.sha256(clip.audio.read_bytes()).hexdigest(), clip.name)
        if name == clip.name:
            yield clip
        else:
            on_skip(f"{clip.name}: the same recording as {name}")


def _row_or_fault(clip: Clip, folder: Path, language: str) -> Row | str:
    """The row, or the clause that says why there is none."""
    try:
        samples = decode(clip.audio)
    except AudioDecodeError:
        return "not readable as audio"
    if not MIN_UTTERANCE_S <= seconds(samples) <= MAX_UTTERANCE_S:
        return f"{seconds(samples):.1f} s long, not {MIN_UTTERANCE_S} to {MAX_UTTERANCE_S} s"
    text = clip.text or ""
    if len(text) > MAX_LETTERS_PER_S * seconds(samples):
        return f"too short ({seconds(samples):.1f} s) for its {len(text)} letters"
    return add_utterance(folder, f"audio/{clip.name}.wav", _within_full_scale(samples), text, language, clip.speaker)


def _within_full_scale(samples: Samples) -> Samples:
    """A lossy decoder overshoots where a recording is loud; quieter is better than clipped."""
    return samples / max(np.float32(1), np.abs(samples).max())
