"""The overview of a dataset as HTML. Pure functions; all text is escaped."""

import html
import time
import unicodedata
from collections.abc import Sequence

from qal.audio.samples import WINDOW_S
from qal.corpus.manifest import UNKNOWN, CorpusInfo
from qal.corpus.query import Count
from qal.corpus.split_assignment import describe_split
from qal.corpus.versions.store import Version
from ui_components.data.dashboard.overview import Overview, SplitAmount
from ui_components.data.dashboard.tokens import TokenStatistics
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import note_html

SHOWN_VERSION_LENGTH = 12  # characters
MAX_CHARACTERS = 300  # lines of the table
UNKNOWN_LICENCE = "Licence unknown. Check it before sharing a model trained on this dataset."
SPLIT_COLUMNS = ("split", "clips", "duration", "words", "speakers", "marked")
VERSION_COLUMNS = ("version", "changed", "clips", "marked", "what")
MAX_VERSIONS = 30  # that are shown
MARKED_NOTE = "Training and scores leave marked clips out."
CONTROL_NAMES = {" ": "SPACE", "\n": "LINE FEED", "\t": "TAB"}


def overview_html(overview: Overview) -> str:
    """Totals, origin, table of the splits, and what the texts will teach a model."""
    notes = [f'<div class="qal-note">{html.escape(note)}</div>' for note in overview.style]
    if overview.origin.licence == UNKNOWN:
        notes.append(note_html(UNKNOWN_LICENCE))
    if overview.too_long:
        clips = "1 clip is" if overview.too_long == 1 else f"{overview.too_long:,} clips are"
        notes.append(
            note_html(
                f"{clips} longer than {WINDOW_S} s. Training skips clips longer than Whisper's window or than "
                "`max_utterance_s`."
            )
        )
    return (
        f'<div class="qal-corpus"><div class="facts">{_totals(overview)}</div>'
        f'<div class="halves">{_origin(overview)}{_splits(overview)}</div>{"".join(notes)}'
        f"{_versions(overview)}</div>"
    )


def _totals(overview: Overview) -> str:
    speakers, languages = overview.named_speakers, [amount.name for amount in overview.languages]
    facts = [
        (duration_text(overview.duration_s), "of speech"),
        (f"{overview.clips:,}", "clip" if overview.clips == 1 else "clips"),
        (f"{overview.all_words:,}", "word" if overview.all_words == 1 else "words"),
        (f"{overview.different_words:,}", "different word" if overview.different_words == 1 else "different words"),
        (f"{speakers:,}" if speakers else "unknown", "speaker" if speakers == 1 else "speakers"),
        (", ".join(map(language_name, languages)), "language" if len(languages) == 1 else "languages"),
    ]
    return "".join(f"<div><b>{html.escape(value)}</b><span>{name}</span></div>" for value, name in facts)


def _origin(overview: Overview) -> str:
    """Source, licence and version; empty fields are left out."""
    origin = overview.origin
    split = describe_split(CorpusInfo(**origin.model_dump(), languages=(), utterances={}, duration_s=0, version=""))
    marks = ", ".join(f"{mark} {count:,}" for mark, count in overview.marks.items())
    fields = [
        ("Source", origin.source),
        ("Licence", origin.licence),
        ("Attribution", origin.attribution),
        ("Notes", origin.notes),
        ("Split", f"{split[:1].upper()}{split[1:]}"),
        ("Marks", f"{marks}. {MARKED_NOTE}" if marks else ""),
        ("Version", overview.version[:SHOWN_VERSION_LENGTH]),
    ]
    lines = "".join(f"<dt>{name}</dt><dd dir=auto>{html.escape(text)}</dd>" for name, text in fields if text)
    return f'<dl class="origin">{lines}</dl>'


def _versions(overview: Overview) -> str:
    """The latest recorded versions, the newest first; "" if there is none."""
    if not overview.versions:
        return ""
    head = "".join(f"<th scope=col>{name}</th>" for name in VERSION_COLUMNS)
    rows = "".join(map(_version_row, overview.versions[: -MAX_VERSIONS - 1 : -1]))
    return (
        f"<details><summary>Versions: {len(overview.versions):,}</summary>"
        f'<div class="qal-table"><table><tr>{head}</tr>{rows}</table></div></details>'
    )


def _version_row(version: Version) -> str:
    changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(version.time))
    marked = f"{version.marked:,}" if version.marked else "–"
    cells = (version.version[:SHOWN_VERSION_LENGTH], changed, f"{version.rows:,}", marked, version.note)
    return f"<tr>{''.join(f'<td dir=auto>{html.escape(cell)}</td>' for cell in cells)}</tr>"


def _splits(overview: Overview) -> str:
    head = "".join(f"<th scope=col>{name}</th>" for name in SPLIT_COLUMNS)
    rows = "".join(map(_split_row, overview.splits))
    return f'<div class="qal-table"><table><tr>{head}</tr>{rows}</table></div>'


def _split_row(part: SplitAmount) -> str:
    counts = (f"{part.words:,}", str(part.speakers or "–"), f"{part.marked:,}" if part.marked else "–")
    cells = (part.split, f"{part.clips:,}", duration_text(part.duration_s), *counts)
    return f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"


def characters_html(counts: Sequence[Count], tokens: TokenStatistics | None) -> str:
    """The characters of the texts with their names, and how the model's vocabulary fits the words."""
    return f'<div class="qal-letters">{tokens_html(tokens)}{_character_table(counts)}</div>' if counts else ""


def tokens_html(tokens: TokenStatistics | None) -> str:
    """How many tokens of the model a word takes, and the words that take the most; "" if it is not known."""
    if tokens is None:
        return ""
    longest = ", ".join(f"{word} ({count})" for word, count in tokens.longest)
    most = f" Most tokens: {longest}." if longest else ""
    return (
        f'<p class="qal-muted" dir="auto">{html.escape(tokens.model)}: {tokens.tokens_per_word:.2f} tokens per word; '
        f"{100 * tokens.single_share:.0f} % of the different words are one token, the others are not in its vocabulary "
        f"and are written in pieces.{html.escape(most)}</p>"
    )


def _character_table(counts: Sequence[Count]) -> str:
    titles = ("name", "character", "count", "clips")
    head = f"<tr>{''.join(f'<th scope=col>{title}</th>' for title in titles)}</tr>"
    rows = "".join(
        f"<tr><td>{html.escape(character_name(c.text))}</td><td><bdi>{html.escape(c.text)}</bdi></td>"
        f"<td>{c.count:,}</td><td>{c.examples:,}</td></tr>"
        for c in counts[:MAX_CHARACTERS]
    )
    caption = f"{len(counts):,} different characters"
    return f'<div class="qal-table" tabindex="0"><table><caption>{caption}</caption>{head}{rows}</table></div>'


def character_name(character: str) -> str:
    """The Unicode name in small letters; the code point if it has none."""
    code = f"U+{ord(character[0]):04X}" if character else ""
    return CONTROL_NAMES.get(character, unicodedata.name(character[:1], code) if character else code).lower()


def duration_text(duration_s: float) -> str:
    """A duration in the unit that fits: '40 s', '20 min' or '1.5 h'."""
    if duration_s < 60:
        return f"{duration_s:.0f} s"
    return f"{duration_s / 3600:.1f} h" if duration_s >= 3600 else f"{duration_s / 60:.0f} min"


def language_name(code: str) -> str:
    return LANGUAGE_NAMES.get(code, code).capitalize()
