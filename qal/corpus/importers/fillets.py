"""Imports the acted dialogues of the game Fish Fillets: two fish and many other characters.

Debian's packages fillets-ng-data-XX contain the audio (sound/LEVEL/.../XX/ID.ogg). The Lua scripts of fillets-ng-data
(script/LEVEL/*dialogs_XX.lua) contain the transcripts: dialogId("ID", "font_CHARACTER", "English text")
dialogStr("spoken text")."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qal.corpus.importers.debian_clips import Clip, import_packages
from qal.corpus.importers.staging import OnSkip, ignore_skipped
from qal.corpus.manifest import Corpus, Origin
from qal.errors import CorpusError

SCRIPTS_PACKAGE = "fillets-ng-data"
GAME_FOLDER = "usr/share/games/fillets-ng"
FILLETS_LANGUAGES = ("cs", "nl")
EXTRA = "extra"  # character without a font of its own

LUA_STRING = r'"((?:[^"\\]|\\.)*)"'  # may span several lines
DIALOGUE = re.compile(
    rf"dialogId\(\s*{LUA_STRING}\s*,\s*{LUA_STRING}\s*(?:,\s*{LUA_STRING}\s*)*\)\s*dialogStr\(\s*{LUA_STRING}\s*\)",
    re.DOTALL,
)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
WHITESPACE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}  # every other escaped character means itself
UNSPOKEN_CHARACTERS = re.compile(r"[%\\/@]")  # a number that the game inserts, a path, an address


@dataclass(frozen=True)
class DialogueLine:
    """A line of dialogue and its character."""

    character: str
    text: str


def import_fillets(language: str, out: Path, *, force: bool = False, on_skip: OnSkip = ignore_skipped) -> Corpus:
    """Imports the dialogues of one language into the new corpus `out`.

    Raises CorpusError (unknown language, no apt, `out` in use) or StorageError."""
    if language not in FILLETS_LANGUAGES:
        raise CorpusError(f"Fish Fillets has no dialogues in '{language}'; use one of {', '.join(FILLETS_LANGUAGES)}")
    package = f"{SCRIPTS_PACKAGE}-{language}"
    origin = Origin(
        name=out.name,
        source=f"Debian packages {package} and {SCRIPTS_PACKAGE} (Fish Fillets NG)",
        licence="GPL-2.0-only",
        attribution=(
            "Fish Fillets NG, by Ivo Danihelka, Pavel Danihelka, ALTAR interactive and contributors. "
            "Converted from Ogg Vorbis to 16 kHz WAV."
        ),
        notes="Acted speech, with shouts and with disguised and distorted voices. The speakers are characters.",
    )
    return import_packages(
        [package, SCRIPTS_PACKAGE],
        origin,
        language,
        lambda root: find_dialogue_clips(root, language),
        out,
        force=force,
        on_skip=on_skip,
    )


def find_dialogue_clips(root: Path, language: str) -> Iterator[Clip]:
    """Yields the clips of all levels. The name of a line is unique within its level only."""
    sound, scripts = root / GAME_FOLDER / "sound", root / GAME_FOLDER / "script"
    for level in sorted(sound.iterdir()):
        lines: dict[str, DialogueLine] = {}
        for script in sorted((scripts / level.name).glob(f"*dialogs_{language}.lua")):
            lines |= parse_dialogues(script.read_text(encoding="utf-8"))
        for audio in level.rglob(f"{language}/*.ogg"):
            line = lines.get(audio.stem, DialogueLine(EXTRA, ""))
            text = None if UNSPOKEN_CHARACTERS.search(line.text) else line.text
            name = (audio.parent.parent / audio.stem).relative_to(sound).as_posix()
            yield Clip(name, audio, text, f"fillets-{language}-{line.character}")


def parse_dialogues(script: str) -> dict[str, DialogueLine]:
    """Parses a Lua script into a mapping from name to line."""
    return {
        _unescape(name): DialogueLine(font.removeprefix("font_") or EXTRA, " ".join(_unescape(text).split()))
        for name, font, _english, text in DIALOGUE.findall(script)
    }


def _unescape(string: str) -> str:
    return ESCAPE.sub(lambda escape: WHITESPACE_ESCAPES.get(escape[1], escape[1]), string)
