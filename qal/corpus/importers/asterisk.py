"""Imports Asterisk's telephone prompts: one professional voice in each of five languages, with transcripts.

Debian's packages asterisk-core-sounds-XX-g722 contain the audio; asterisk-core-sounds-XX contain `name: text` lines."""

import gzip
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from qal.audio.decode import decode
from qal.audio.samples import WINDOW_S, seconds
from qal.corpus.importers.debian import unpack_packages
from qal.corpus.importers.staging import (
    AUDIO_FOLDER,
    OnSkip,
    add_utterance,
    copy_licence,
    ignore_skipped,
    staged,
    write_split_corpus,
)
from qal.corpus.manifest import Corpus, Origin, Row, read_corpus
from qal.errors import AudioDecodeError, CorpusError

MIN_UTTERANCE_S = 0.4
MIN_UTTERANCES = 400  # in a complete package


@dataclass(frozen=True)
class Voice:
    """The speaker of one language and the terms of use, from the package's copyright file."""

    folder: str  # of the audio; also the speaker's name
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
        "Most transcripts are written without accents and ñ (contrasena); a model trained on them loses both.",
    ),
}

NON_SPEECH_NAMES = re.compile(r"silence/.*|beep.*|.*-2tone|confbridge-(join|leave)|tt-monkeys")
REMARK = re.compile(r"[\[\](){}<>]")  # a note to the reader, which may be spoken or not
SYMBOL = re.compile(r"[*#@/=]")  # spoken as a word that the text does not contain
NEXT_PROMPT = re.compile(r"\b[a-z]+-[a-z-]+:")  # name of another prompt: two lines were joined by mistake
ELLIPSIS = re.compile(r"^[\s.…\"“”]+|(?:\s*(?:\.{2,}|…|[\"“”]))+$")  # marks at the ends of a partial sentence


def import_asterisk(language: str, out: Path, *, force: bool = False, on_skip: OnSkip = ignore_skipped) -> Corpus:
    """Imports the prompts of one language into the new corpus `out`; downloads the packages if necessary.

    Raises CorpusError (unknown language, no apt, `out` in use) or StorageError."""
    if language not in VOICES:
        raise CorpusError(f"Asterisk has no prompts in '{language}'; use one of {', '.join(VOICES)}")
    voice = VOICES[language]
    with staged(out, force) as folder, tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        package = f"asterisk-core-sounds-{language}"
        root = _find_or_unpack(package, voice, Path(temporary))
        rows = _convert(_audio_folder(root, voice), _read_transcripts(root, package), folder, language, on_skip)
        if len(rows) < MIN_UTTERANCES:
            raise CorpusError(
                f"{package}: only {len(rows)} usable prompts, fewer than the {MIN_UTTERANCES} expected; "
                "remove the damaged package, so that it is downloaded again"
            )
        copy_licence(root / f"usr/share/doc/{package}/copyright", folder)
        write_split_corpus(folder, out, _origin(out.resolve().name, package, language, voice), rows)
    return read_corpus(out)


def _find_or_unpack(package: str, voice: Voice, temporary: Path) -> Path:
    """Returns the root folder of both packages: / if they are installed, else a folder into which they are unpacked."""
    installed = Path("/")
    if _transcript_file(installed, package).is_file() and any(_audio_folder(installed, voice).glob("*.g722")):
        return installed
    return unpack_packages([package, f"{package}-g722"], temporary)


def _transcript_file(root: Path, package: str) -> Path:
    name = package.removeprefix("asterisk-")
    return root / f"usr/share/doc/{package}/{name}.txt.gz"


def _audio_folder(root: Path, voice: Voice) -> Path:
    return root / "usr/share/asterisk/sounds" / voice.folder


def _read_transcripts(root: Path, package: str) -> dict[str, str]:
    return parse_transcripts(gzip.decompress(_transcript_file(root, package).read_bytes()).decode("utf-8-sig"))


def parse_transcripts(lines: str) -> dict[str, str]:
    """Parses `name: text` lines into a mapping from name to text; lines that start with `;` are comments.

    A name with two different texts gets an empty text, because it is unknown which one is right."""
    transcripts: dict[str, str] = {}
    for line in lines.splitlines():
        name, colon, text = (field.strip() for field in line.partition(":"))
        if colon and not name.startswith(";"):
            transcripts[name] = text if transcripts.get(name, text) == text else ""
    return transcripts


def spoken_text(name: str, transcript: str) -> str | None:
    """Returns the spoken words of a prompt, or None if the transcript does not determine them."""
    uncertain = any(pattern.search(transcript) for pattern in (REMARK, SYMBOL, NEXT_PROMPT))
    if NON_SPEECH_NAMES.fullmatch(name) or uncertain or _has_lost_letter(transcript):
        return None
    text = " ".join(ELLIPSIS.sub("", transcript).split())
    return text if any(c.isalpha() for c in text) else None


def _has_lost_letter(transcript: str) -> bool:
    """True if an accented letter became a question mark, as in `sar? esattamente` and `Se questo ? corretto`."""
    return any(rest.lstrip()[:1].islower() for rest in transcript.split("?")[1:])


def _convert(audio: Path, transcripts: dict[str, str], folder: Path, language: str, on_skip: OnSkip) -> list[Row]:
    """Adds the usable prompts to the corpus folder and calls `on_skip` for the others.

    Args:
        audio: folder of the audio files, whose name is the speaker's.
        transcripts: transcript by prompt name.
        folder: the corpus folder.
        language: language code.
        on_skip: called with the name and the reason."""
    rows = []
    for name, transcript in tqdm(sorted(transcripts.items()), desc=f"prompts ({language})", unit="prompt"):
        source, text = audio / f"{name}.g722", spoken_text(name, transcript)
        if text is None:
            on_skip(f"{name}: no speech, or an uncertain transcript")
            continue
        if not source.is_file():
            on_skip(f"{name}: no audio file")
            continue
        samples = decode(source)
        if not MIN_UTTERANCE_S <= seconds(samples) <= WINDOW_S:
            on_skip(f"{name}: {seconds(samples):.2f} s long, not {MIN_UTTERANCE_S} to {WINDOW_S} s")
            continue
        try:
            rows.append(add_utterance(folder, f"{AUDIO_FOLDER}/{name}", samples, text, language, audio.name))
        except AudioDecodeError as error:
            on_skip(str(error))
    return rows


def _origin(name: str, package: str, language: str, voice: Voice) -> Origin:
    return Origin(
        name=name,
        source=f"Debian packages {package} and {package}-g722 (Asterisk core sounds)",
        licence=voice.licence,
        attribution=f"Asterisk core sounds ({language}). {voice.credit}. Converted from G.722 to 16 kHz FLAC.",
        notes=voice.notes,
    )
