"""Tux Paint's stamps: a volunteer a language says in a few words what each picture shows.

From Debian's package tuxpaint-stamps-default: beside the picture X lie X_desc_LL.ogg (the words, spoken in the
language LL) and X.txt (English on the first line, then a line `LL.utf8=...` a language)."""

import re
from collections.abc import Iterator
from pathlib import Path

from qal.corpus.importers.debian_clips import Clip, import_packages
from qal.corpus.importers.staging import OnSkip, ignore
from qal.corpus.manifest import Corpus, Origin
from qal.errors import CorpusError

PACKAGE = "tuxpaint-stamps-default"
STAMPS = "usr/share/tuxpaint/stamps"
SPEAKERS = {  # as the package's changelog credits them
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
    "ca": "Sounds as over a telephone: nothing above 4 kHz.",
    "es": "Recorded far too loud: saturated throughout.",
    "fr": "Two speakers; the package does not say which clip is whose.",
}
NOT_READ_OUT = re.compile(r"[()\[\]$€£¢=@/]")  # a price, a formula, a remark: how it was read, if at all, nobody knows
SINGLE_LETTERS = re.compile(r"symbols/alphabets/(?!asl/)")  # voices add "capital", or say nothing but the letter


def import_tuxpaint(language: str, out: Path, *, force: bool = False, on_skip: OnSkip = ignore) -> Corpus:
    """Fetches the stamps' descriptions in one language into the new corpus `out`.

    Raises CorpusError (unknown language, no apt, `out` in use), StorageError."""
    if language not in SPEAKERS:
        raise CorpusError(f"Tux Paint speaks too little '{language}'; use one of {', '.join(SPEAKERS)}")
    origin = Origin(
        name=out.name,
        source=f"Debian package {PACKAGE} (Tux Paint's stamps)",
        licence="GPL-2.0-or-later",
        attribution=(
            f"Tux Paint's stamps, copyright 2002-2022 Bill Kendrick and contributors; spoken ({language}) by "
            f"{SPEAKERS[language]}. Converted from Ogg Vorbis to 16 kHz WAV."
        ),
        notes=NOTES.get(language, ""),
    )
    return import_packages(
        [PACKAGE], origin, language, lambda root: find_stamps(root, language), out, force=force, on_skip=on_skip
    )


def find_stamps(root: Path, language: str) -> Iterator[Clip]:
    stamps, suffix = root / STAMPS, f"_desc_{language}.ogg"
    for audio in stamps.rglob(f"*{suffix}"):
        name = audio.relative_to(stamps).as_posix().removesuffix(suffix)
        written = stamps / f"{name}.txt"
        certain = written.is_file() and not SINGLE_LETTERS.match(name)
        text = description(written.read_text(encoding="utf-8", errors="replace"), language) if certain else None
        yield Clip(name, audio, text, SPEAKERS[language])


def description(stamp: str, language: str) -> str | None:
    """What a stamp's text file says in the language; None where it says nothing, or what cannot be read out."""
    keys = (f"{language}.utf8", language)
    lines = (line.partition("=") for line in stamp.splitlines()[1:])
    texts = {key.strip(): " ".join(text.split()) for key, equals, text in lines if equals}
    text = next((texts[key] for key in keys if texts.get(key)), None)
    return None if text is None or NOT_READ_OUT.search(text) or "\ufffd" in text else text
