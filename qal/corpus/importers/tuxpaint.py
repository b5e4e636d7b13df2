"""Imports the spoken descriptions of Tux Paint's stamps: a few words per picture, one volunteer per language.

Debian's package tuxpaint-stamps-default contains, for a picture X, X_desc_LL.ogg (the description in language LL) and
X.txt (English on the first line, then a line `LL.utf8=...` per language)."""

import re
from collections.abc import Iterator
from pathlib import Path

from qal.corpus.importers.debian_clips import Clip, import_packages
from qal.corpus.importers.staging import OnSkip, ignore_skipped
from qal.corpus.manifest import Corpus, Origin
from qal.errors import CorpusError

PACKAGE = "tuxpaint-stamps-default"
STAMPS_FOLDER = "usr/share/tuxpaint/stamps"
SPEAKER_BY_LANGUAGE = {  # from the package's changelog
    "be": "Kseniya Buraya",
    "bg": "Krasimir Petkov",
    "ca": "Pere Pujal Carabantes",
    "da": "Joe Dalton",
    "el": "Kiriaki Serafeim",
    "es": "Estefanía Ortiz",
    "fr": "PaulK or Jacques Chion",
    "ro": "Tabbytha",
    "ru": "Edwin Veber",
}
NOTES = {
    "ca": "Telephone quality: nothing above 4 kHz.",
    "es": "Recorded far too loud: saturated throughout.",
    "fr": "Two speakers; the package does not name the speaker of each clip.",
}
UNSPOKEN_CHARACTERS = re.compile(r"[()\[\]$€£¢=@/]")  # in prices, formulas and remarks, whose spoken form is unknown
SINGLE_LETTERS = re.compile(r"symbols/alphabets/(?!asl/)")  # some voices add "capital", others name the letter alone


def import_tuxpaint(language: str, out: Path, *, force: bool = False, on_skip: OnSkip = ignore_skipped) -> Corpus:
    """Imports the descriptions of the stamps in one language into the new corpus `out`.

    Raises CorpusError (unknown language, no apt, `out` in use) or StorageError."""
    if language not in SPEAKER_BY_LANGUAGE:
        languages = ", ".join(SPEAKER_BY_LANGUAGE)
        raise CorpusError(f"Tux Paint has too few recordings in '{language}'; use one of {languages}")
    origin = Origin(
        name=out.name,
        source=f"Debian package {PACKAGE} (Tux Paint's stamps)",
        licence="GPL-2.0-or-later",
        attribution=(
            f"Tux Paint's stamps, copyright 2002-2022 Bill Kendrick and contributors; spoken ({language}) by "
            f"{SPEAKER_BY_LANGUAGE[language]}. Converted from Ogg Vorbis to 16 kHz WAV."
        ),
        notes=NOTES.get(language, ""),
    )
    return import_packages(
        [PACKAGE], origin, language, lambda root: find_stamps(root, language), out, force=force, on_skip=on_skip
    )


def find_stamps(root: Path, language: str) -> Iterator[Clip]:
    """Yields the stamps' clips in one language; text None if the spoken words are uncertain."""
    stamps, suffix = root / STAMPS_FOLDER, f"_desc_{language}.ogg"
    for audio in stamps.rglob(f"*{suffix}"):
        name = audio.relative_to(stamps).as_posix().removesuffix(suffix)
        text_file = stamps / f"{name}.txt"
        is_certain = text_file.is_file() and not SINGLE_LETTERS.match(name)
        text = description(text_file.read_text(encoding="utf-8", errors="replace"), language) if is_certain else None
        yield Clip(name, audio, text, SPEAKER_BY_LANGUAGE[language])


def description(stamp: str, language: str) -> str | None:
    """Returns the description of a stamp's text file in a language; None if it is missing or not readable aloud."""
    keys = (f"{language}.utf8", language)
    fields = (line.partition("=") for line in stamp.splitlines()[1:])
    texts = {key.strip(): " ".join(text.split()) for key, equals, text in fields if equals}
    text = next((texts[key] for key in keys if texts.get(key)), None)
    return None if text is None or UNSPOKEN_CHARACTERS.search(text) or "\ufffd" in text else text
