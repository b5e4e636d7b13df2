"""Imports Festival's Russian voice: sentences that one man recorded for a speech synthesiser.

Debian's package festvox-ru contains wav/ID.wav and etc/txt.done.data, with a line `( ID "text" )` per sentence."""

import re
from collections.abc import Iterator
from pathlib import Path

from qal.corpus.importers.debian_clips import Clip, import_packages
from qal.corpus.importers.staging import OnSkip, ignore_skipped
from qal.corpus.manifest import Corpus, Origin

PACKAGE = "festvox-ru"
LANGUAGE = "ru"
VOICE = "msu_ru_nsh"
VOICE_FOLDER = f"usr/share/festival/voices/russian/{VOICE}_clunits"
PROMPT = re.compile(r'^\(\s*(\S+)\s+"((?:[^"\\]|\\.)*)"\s*\)', re.MULTILINE)
ESCAPE = re.compile(r"\\(.)")
STRESS_MARK = re.compile(r"\+(?=\w)")  # before a stressed vowel: `вол+ос`


def import_festvox_ru(out: Path, *, force: bool = False, on_skip: OnSkip = ignore_skipped) -> Corpus:
    """Imports the sentences into the new corpus `out`. Raises CorpusError (no apt, `out` in use) or StorageError."""
    origin = Origin(
        name=out.name,
        source=f"Debian package {PACKAGE} (Russian language support for Festival)",
        licence="BSD-like, see LICENCE.txt",
        attribution="Copyright 2005 Nickolay V. Shmyrev. Modified: stress marks removed from the transcripts.",
        notes="The transcripts have a comma at each pause of the speaker, also where Russian has none.",
    )
    return import_packages([PACKAGE], origin, LANGUAGE, find_prompts, out, force=force, on_skip=on_skip)


def find_prompts(root: Path) -> Iterator[Clip]:
    """Yields a clip for each recording of the unpacked package."""
    prompts = parse_prompts((root / VOICE_FOLDER / "etc/txt.done.data").read_text(encoding="utf-8"))
    for audio in sorted((root / VOICE_FOLDER / "wav").glob("*.wav")):
        yield Clip(audio.stem, audio, prompts.get(audio.stem), VOICE)


def parse_prompts(lines: str) -> dict[str, str]:
    """Parses Festival's prompt list into a mapping from name to text, without stress marks."""
    return {
        name: " ".join(STRESS_MARK.sub("", ESCAPE.sub(r"\1", text)).split()) for name, text in PROMPT.findall(lines)
    }
