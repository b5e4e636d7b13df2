"""Makes the text of subtitles inert: nothing that was said acts as a tag, a command or a time of the file's format.

SRT and ASS have no escapes. There, an invisible character (U+2060, word joiner) divides what a player would take for a
tag or a command, as FFmpeg does it, and curly brackets become full-width ones."""

import re
import unicodedata

WORD_JOINER = "\u2060"
FULL_WIDTH_BRACKETS = str.maketrans("{}", "｛｝")
TAG = re.compile(r"<(?=[/!?a-zA-Z])")
ASS_ESCAPE = re.compile(r"\\(?=[a-zA-Z{}])")
TIMESTAMP = re.compile(r"(?<=\d):(?=\d\d?[:.,]\d)")
EMBED_RTL, END_EMBEDDING = "\u202b", "\u202c"


def clean(text: str) -> str:
    """Removes control characters and halves of surrogate pairs, which no format holds; white space becomes spaces."""
    kept = "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else " " if c.isspace() else "" for c in text)
    return " ".join(kept.split())


def inert_srt(line: str) -> str:
    """Returns a line for SRT."""
    line = TAG.sub(f"<{WORD_JOINER}", inert_commands(line))
    return without_times(line).replace("-->", f"--{WORD_JOINER}>")


def inert_vtt(line: str) -> str:
    """Returns a line for WebVTT, with `&`, `<` and `>` escaped as it requires."""
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return without_times(inert_commands(line))


def inert_commands(line: str) -> str:
    r"""Returns a line without the commands of ASS, such as {\an8} and \N, which players obey in other formats, too."""
    return ASS_ESCAPE.sub(lambda _: f"\\{WORD_JOINER}", line.translate(FULL_WIDTH_BRACKETS))


def without_times(line: str) -> str:
    """Returns a line in which no reader sees the times of a cue."""
    return TIMESTAMP.sub(f":{WORD_JOINER}", line)


def with_direction(line: str) -> str:
    """Returns a right-to-left line between marks, for players that lay out every line from left to right."""
    return f"{EMBED_RTL}{line}{END_EMBEDDING}"
