"""Asterisk's telephone prompts: one professional voice in each of five languages, with transcripts.

From Debian's packages asterisk-core-sounds-XX-g722 (audio) and asterisk-core-sounds-XX (`name: text` lines)."""

import gzip
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from qal.audio.decode import decode
from qal.audio.samples import WINDOW_S, seconds
from qal.corpus.importers.debian import unpack_packages
from qal.corpus.importers.staging import OnSkip, add_utterance, copy_licence, ignore, staged
from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.errors import CorpusError

MIN_UTTERANCE_S = 0.4
MIN_UTTERANCES = 400  # a package that gives fewer is not the one we know


@dataclass(frozen=True)
class Voice:
    """Who reads, and on what terms: the stanza of the package's copyright file."""

    folder: str  # of the audio, and the speaker's name
    credit: str
    licence: str
    notes: str = ""


ALLISON = "Copyright 2003-2010 Allison Smith (http://www.theivrvoice.com); financial contributions by Digium, Inc."
VOICES = {
    "en": Voice("en_US_f_Allison", ALLISON, "CC-BY-SA-3.0"),
    "ru": Voice("ru_RU_f_IvrvoiceRU", "Copyright 2010 Maxim Topal (http://www.ivrvoice.ru)", "CC-BY-3.0"),
    "fr": Voice("fr_CA_f_June", "Copyright 2006-2008 June Wallack (http://www.junewallack.com)", "CC-BY-SA-3.0"),
    "it": Voice(
        "it_IT_m_Carlo",
        "Copyright 2012 Carlo Flora (http://www.carloflora.com); translated by Silvia Petrin",
        "CC-BY-3.0",
    ),
    "es": Voice(
        "es_MX_f_Allison",
        ALLISON,
        "CC-BY-SA-3.0",
        "Most transcripts are written without accents and ñ (contrasena): a model tuned on them unlearns both.",
    ),
}

SOUNDS = re.compile(r"silence/.*|beep.*|.*-2tone|confbridge-(join|leave)|tt-monkeys")  # names of clips nobody speaks in
REMARK = re.compile(r"[\[\](){}<>]")  # a remark to the reader: said or not, nobody knows
SYMBOL = re.compile(r"[*#@/=]")  # said as a word which the text does not have
NEXT_LINE = re.compile(r"\b[a-z]+-[a-z-]+:")  # another prompt's name: two lines ran together
FRAYED = re.compile(r"^[\s.…\"“”]+|(?:\s*(?:\.{2,}|…|[\"“”]))+$")  # where a sentence is one half of a longer one


def import_asterisk(language: str, out: Path, *, force: bool = False, on_skip: OnSkip = ignore) -> Corpus:
    """Fetches the prompts of one language into the new corpus `out`.

    Raises CorpusError (unknown language, no apt, `out` in use), StorageError."""
    if language not in VOICES:
        raise CorpusError(f"Asterisk has no prompts in '{language}'; use one of {', '.join(VOICES)}")
    voice = VOICES[language]
    with staged(out, force) as folder, tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        package = f"asterisk-core-sounds-{language}"
        root = _find_or_unpack(package, voice, Path(temporary))
        rows = _convert(_sounds(root, voice), _transcripts(root, package), folder, language, on_skip)
        if len(rows) < MIN_UTTERANCES:
            raise CorpusError(
                f"{package}: only {len(rows)} usable prompts, fewer than the {MIN_UTTERANCES} expected; "
                "remove the broken package, so that a whole one is fetched"
            )
        copy_licence(root / f"usr/share/doc/{package}/copyright", folder)
        write_corpus(folder, _origin(out.resolve().name, package, language, voice), rows)
    return read_corpus(out)


def _find_or_unpack(package: str, voice: Voice, temporary: Path) -> Path:
    """The root under which both packages lie: this machine's own, or a folder they are unpacked in."""
    installed = Path("/")
    if _transcript_file(installed, package).is_file() and any(_sounds(installed, voice).glob("*.g722")):
        return installed
    return unpack_packages([package, f"{package}-g722"], temporary)


def _transcript_file(root: Path, package: str) -> Path:
    name = package.removeprefix("asterisk-")
    return root / f"usr/share/doc/{package}/{name}.txt.gz"


def _sounds(root: Path, voice: Voice) -> Path:
    return root / "usr/share/asterisk/sounds" / voice.folder


def _transcripts(root: Path, package: str) -> dict[str, str]:
    return parse_transcripts(gzip.decompress(_transcript_file(root, package).read_bytes()).decode("utf-8-sig"))


def parse_transcripts(text: str) -> dict[str, str]:
    """`name: text` lines -> text by name; lines that begin with `;` are comments.

    A name that stands there with two texts gets none: nobody knows which one is right."""
    transcripts: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, said = (part.strip() for part in line.partition(":"))
        if colon and not name.startswith(";"):
            transcripts[name] = said if transcripts.get(name, said) == said else ""
    return transcripts


def spoken_text(name: str, said: str) -> str | None:
    """The words as they are spoken, or None where the line does not say that for certain."""
    if SOUNDS.fullmatch(name) or any(p.search(said) for p in (REMARK, SYMBOL, NEXT_LINE)) or _lost_letter(said):
        return None
    text = " ".join(FRAYED.sub("", said).split())
    return text if any(c.isalpha() for c in text) else None


def _lost_letter(said: str) -> bool:
    """Whether an accented letter became a question mark, as in `sar? esattamente` and `Se questo ? corretto`."""
    return any(rest.lstrip()[:1].islower() for rest in said.split("?")[1:])


def _convert(sounds: Path, transcripts: dict[str, str], folder: Path, language: str, on_skip: OnSkip) -> list[Row]:
    rows = []
    for name, said in tqdm(sorted(transcripts.items()), desc=f"prompts ({language})", unit="prompt"):
        source, text = sounds / f"{name}.g722", spoken_text(name, said)
        if text is None or not source.is_file():
            on_skip(f"{name}: {'no audio file' if text else 'no speech, or a text that is not certainly what is said'}")
            continue
        samples = decode(source)
        if not MIN_UTTERANCE_S <= seconds(samples) <= WINDOW_S:
            on_skip(f"{name}: {seconds(samples):.2f} s long, not {MIN_UTTERANCE_S} to {WINDOW_S} s")
            continue
        rows.append(add_utterance(folder, f"audio/{name}.wav", samples, text, language, sounds.name))
    return rows


def _origin(name: str, package: str, language: str, voice: Voice) -> Origin:
    return Origin(
        name=name,
        source=f"Debian packages {package} and {package}-g722 (Asterisk core sounds)",
        licence=voice.licence,
        attribution=f"Asterisk core sounds ({language}). {voice.credit}. Converted from G.722 to 16 kHz WAV.",
        notes=voice.notes,
    )
