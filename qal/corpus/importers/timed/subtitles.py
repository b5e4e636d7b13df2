"""Reads the cues of SubRip (SRT), WebVTT and SubStation Alpha (ASS, SSA) with pysubs2."""

import re
from pathlib import Path

from qal.corpus.importers.timed.cues import Cue, read_text_file
from qal.errors import CorpusError

MS_PER_SECOND = 1000
ARROW = re.compile(r"^\s*-?\d[\d:.,]*\s*-->", re.MULTILINE)
VTT_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>\n]+)>")
VTT_TIME = re.compile(r"<\d[\d:.]*>")  # of a word, as in automatic captions
VOICE_START, VOICE_END = "\ue000", "\ue001"  # private characters around the voice's name, which pysubs2 keeps
VOICE = re.compile(f"{VOICE_START}(.*?){VOICE_END}")
BLANK_LINE = re.compile(r"\n[ \t]*\n")


def read_srt(path: Path, language: str = "") -> list[Cue]:
    """Reads a SubRip file. Raises CorpusError if it holds no cues."""
    text = read_text_file(path, language)
    if not ARROW.search(text):
        raise CorpusError(f"{path.name}: has no line with times such as 00:00:01,000 --> 00:00:02,500")
    return _parsed(path, text, "srt")


def read_vtt(path: Path, language: str = "") -> list[Cue]:
    """Reads a WebVTT file; notes, styles and names of cues are no text. Raises CorpusError if it holds no cues."""
    blocks = BLANK_LINE.split(read_text_file(path, language))
    cues = [block[times.start() :].strip("\n") for block in blocks if (times := ARROW.search(block))]
    if not cues:
        raise CorpusError(f"{path.name}: has no line with times such as 00:01.000 --> 00:02.500")
    marked = VTT_VOICE.sub(lambda voice: f"{VOICE_START}{voice[1]}{VOICE_END}", VTT_TIME.sub("", "\n\n".join(cues)))
    return _parsed(path, f"WEBVTT\n\n{marked}\n", "vtt")


def read_ass(path: Path, language: str = "") -> list[Cue]:
    """Reads a SubStation Alpha file. Raises CorpusError if it is none."""
    text = read_text_file(path, language)
    if "[events]" not in text.casefold():
        raise CorpusError(f"{path.name}: has no section [Events]; save the subtitles again")
    return _parsed(path, text, "ass")


def _parsed(path: Path, text: str, form: str) -> list[Cue]:
    from pysubs2 import SSAFile
    from pysubs2.exceptions import Pysubs2Error

    try:
        events = SSAFile.from_string(text, format_=form)
    except (Pysubs2Error, ValueError, KeyError, IndexError, AttributeError) as error:
        raise CorpusError(f"{path.name}: cannot be read as subtitles; save it again") from error
    cues = []
    for number, event in enumerate(events, 1):
        if event.is_comment or event.is_drawing:
            continue
        voices = VOICE.findall(event.plaintext)
        speaker = (voices[0] if len(set(voices)) == 1 else "") or (event.name if form == "ass" else "")
        content = VOICE.sub("\n- " if len(set(voices)) > 1 else "", event.plaintext)
        cues.append(Cue(number, event.start / MS_PER_SECOND, event.end / MS_PER_SECOND, content, speaker.strip()))
    return cues
