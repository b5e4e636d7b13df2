"""Festival's Russian voice: the sentences one man read so that a synthesiser could be built of them.

From Debian's package festvox-ru: wav/ID.wav and etc/txt.done.data, a line `( ID "text" )` a sentence."""

import re
from collections.abc import Iterator
from pathlib import Path

from qal.corpus.importers.debian_clips import Clip, import_packages
from qal.corpus.importers.staging import OnSkip, ignore
from qal.corpus.manifest import Corpus, Origin

PACKAGE = "festvox-ru"
LANGUAGE = "ru"
VOICE = "msu_ru_nsh"
VOICE_FOLDER = f"usr/share/festival/voices/russian/{VOICE}_clunits"
PROMPT = re.compile(r'^\(\s*(\S+)\s+"((?:[^"\\]|\\.)*)"\s*\)', re.MULTILINE)
ESCAPED = re.compile(r"\\(.)")
STRESS = re.compile(r"\+(?=\w)")  # before a stressed vowel: `вол+ос`


def import_festvox_ru(out: Path, *, force: bool = False, on_skip: OnSkip = ignore) -> Corpus:
    """Fetches the sentences into the new corpus `out`.

    Raises CorpusError (no apt, `out` in use), StorageError."""
    origin = Origin(
        name=out.name,
        source=f"Debian package {PACKAGE} (Russian language support for Festival)",
        licence="BSD-like, see LICENCE.txt",
        attribution="Copyright 2005 Nickolay V. Shmyrev. Modified: stress marks removed from the transcripts.",
        notes="A comma stands in the transcripts wherever the reader pauses, also where Russian writes none.",
    )
    return import_packages([PACKAGE], origin, LANGUAGE, find_prompts, out, force=force, on_skip=on_skip)


def find_prompts(root: Path) -> Iterator[Clip]:
    prompts = parse_prompts((root / VOICE_FOLDER / "etc/txt.done.data").read_text(encoding="utf-8"))
    for audio in sorted((root / VOICE_FOLDER / "wav").glob("*.wav")):
        yield Clip(audio.stem, audio, prompts.get(audio.stem), VOICE)


def parse_prompts(lines: str) -> dict[str, str]:
    """Festival's prompt list -> text by name, as one writes it: without stress marks."""
    return {name: " ".join(STRESS.sub("", ESCAPED.sub(r"\1", text)).split()) for name, text in PROMPT.findall(lines)}
