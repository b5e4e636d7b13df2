"""Fish Fillets, a game whose two fish and their acquaintances never stop talking: acted speech, many characters.

From Debian's packages fillets-ng-data-XX (sound/LEVEL/.../XX/ID.ogg) and fillets-ng-data, whose Lua scripts
(script/LEVEL/*dialogs_XX.lua) hold dialogId("ID", "font_CHARACTER", "in English") dialogStr("as it is said")."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qal.corpus.importers.debian_clips import Clip, import_packages
from qal.corpus.importers.staging import OnSkip, ignore
from qal.corpus.manifest import Corpus, Origin
from qal.errors import CorpusError

SCRIPTS_PACKAGE = "fillets-ng-data"
GAME = "usr/share/games/fillets-ng"
LANGUAGES = ("cs", "nl")
EXTRA = "extra"  # a character without a font of their own

STRING = r'"((?:[^"\\]|\\.)*)"'  # of Lua, over several lines too
DIALOG = re.compile(
    rf"dialogId\(\s*{STRING}\s*,\s*{STRING}\s*(?:,\s*{STRING}\s*)*\)\s*dialogStr\(\s*{STRING}\s*\)", re.DOTALL
)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
WHITE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}  # every other escaped character stands for itself
NOT_READ_OUT = re.compile(r"[%\\/@]")  # a number the game fills in, a path, an address


@dataclass(frozen=True)
class Line:
    """What one character says."""

    character: str
    text: str


def import_fillets(language: str, out: Path, *, force: bool = False, on_skip: OnSkip = ignore) -> Corpus:
    """Fetches the game's dialogues in one language into the new corpus `out`.

    Raises CorpusError (unknown language, no apt, `out` in use), StorageError."""
    if language not in LANGUAGES:
        raise CorpusError(f"Fish Fillets does not speak '{language}'; use one of {', '.join(LANGUAGES)}")
    package = f"{SCRIPTS_PACKAGE}-{language}"
    origin = Origin(
        name=out.name,
        source=f"Debian packages {package} and {SCRIPTS_PACKAGE} (Fish Fillets NG)",
        licence="GPL-2.0-only",
        attribution=(
            "Fish Fillets NG, by Ivo Danihelka, Pavel Danihelka, ALTAR interactive and contributors. "
            "Converted from Ogg Vorbis to 16 kHz WAV."
        ),
        notes="Acted: shouts, disguised and distorted voices are among it. The speakers are characters, not people.",
    )
    packages = [package, SCRIPTS_PACKAGE]
    return import_packages(
        packages, origin, language, lambda root: find_lines(root, language), out, force=force, on_skip=on_skip
    )


def find_lines(root: Path, language: str) -> Iterator[Clip]:
    """A name is one level's own: `rand-0-1` is something else in each."""
    sound, scripts = root / GAME / "sound", root / GAME / "script"
    for level in sorted(sound.iterdir()):
        lines: dict[str, Line] = {}
        for script in sorted((scripts / level.name).glob(f"*dialogs_{language}.lua")):
            lines |= parse_dialogs(script.read_text(encoding="utf-8"))
        for audio in level.rglob(f"{language}/*.ogg"):
            line = lines.get(audio.stem, Line(EXTRA, ""))
            text = None if NOT_READ_OUT.search(line.text) else line.text
            name = (audio.parent.parent / audio.stem).relative_to(sound).as_posix()
            yield Clip(name, audio, text, f"fillets-{language}-{line.character}")


def parse_dialogs(script: str) -> dict[str, Line]:
    """A Lua script -> its lines by name."""
    return {
        _unescape(name): Line(font.removeprefix("font_") or EXTRA, " ".join(_unescape(text).split()))
        for name, font, _english, text in DIALOG.findall(script)
    }


def _unescape(string: str) -> str:
    return ESCAPE.sub(lambda escape: WHITE_ESCAPES.get(escape[1], escape[1]), string)
