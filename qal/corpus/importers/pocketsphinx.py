"""Imports the LibriVox sentences of PocketSphinx's test data, in which a volunteer reads Jane Austen.

Debian's package pocketsphinx-testdata contains librivox/ID.wav and librivox/transcription, with a line
`<s> the words </s> (ID)` per sentence. Its other recordings (digits, cards, commands) are not imported."""

import re
from collections.abc import Iterator
from pathlib import Path

from qal.corpus.importers.debian_clips import Clip, import_packages
from qal.corpus.importers.staging import OnSkip, ignore_skipped
from qal.corpus.manifest import Corpus, Origin

PACKAGE = "pocketsphinx-testdata"
LANGUAGE = "en"
LIBRIVOX_FOLDER = "usr/share/pocketsphinx/test/data/librivox"
SENTENCE = re.compile(r"^<s>\s*(.*?)\s*</s>\s*\((\S+)\)", re.MULTILINE)


def import_pocketsphinx(out: Path, *, force: bool = False, on_skip: OnSkip = ignore_skipped) -> Corpus:
    """Imports the sentences into the new corpus `out`. Raises CorpusError (no apt, `out` in use) or StorageError."""
    origin = Origin(
        name=out.name,
        source=f"Debian package {PACKAGE} (PocketSphinx)",
        licence="BSD-2-Clause",
        attribution=(
            "PocketSphinx, copyright 1995-2014 Carnegie Mellon University, 2014-2015 Alpha Cephei Inc.; "
            "the recordings are LibriVox's, of Sense and Sensibility."
        ),
        notes="Small letters and no punctuation: suitable for evaluation, not for training.",
    )
    return import_packages([PACKAGE], origin, LANGUAGE, find_sentences, out, force=force, on_skip=on_skip)


def find_sentences(root: Path) -> Iterator[Clip]:
    """Yields a clip for each recording of the unpacked package."""
    sentences = parse_transcription((root / LIBRIVOX_FOLDER / "transcription").read_text(encoding="utf-8"))
    for audio in sorted((root / LIBRIVOX_FOLDER).glob("*.wav")):
        chapter, _, _number = audio.stem.rpartition("-")
        yield Clip(audio.stem, audio, sentences.get(audio.stem), f"librivox-{chapter}")


def parse_transcription(lines: str) -> dict[str, str]:
    """Parses Sphinx's transcription file into a mapping from name to text."""
    return {name: " ".join(text.split()) for text, name in SENTENCE.findall(lines)}
