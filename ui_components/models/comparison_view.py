"""What models made of a clip, as HTML: side by side, the differences marked. Pure functions."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from qal.evaluation.alignment import Piece, align
from ui_components.models.table import NOTHING, short
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import sentence_html


@dataclass(frozen=True)
class Heard:
    """What one model made of the clip."""

    title: str
    text: str = ""
    languages: tuple[str, ...] = ()
    load_s: float = 0.0
    work_s: float = 0.0
    clip_s: float = 1.0
    wer: float | None = None  # against the reference, where there is one
    problem: str = ""


def heard_html(heard: Sequence[Heard], reference: str, waiting: Sequence[str] = ()) -> str:
    """Side by side. Differences are to the reference, else to the first model's text."""
    first = next((h.text for h in heard if not h.problem), "")
    said = reference.strip() or first
    cards = "".join(_heard_card(h, said, bool(reference.strip()), len(heard) + len(waiting) > 1) for h in heard)
    cards += "".join(
        f'<section class="qal-card"><h3>{html.escape(short(t))}</h3><p class="qal-muted">waits …</p></section>'
        for t in waiting
    )
    return f'<div class="qal-heard">{cards}</div>{_legend(reference, len(heard))}' if cards else ""


def _heard_card(h: Heard, said: str, has_reference: bool, several: bool) -> str:
    title = f"<h3>{html.escape(short(h.title))}</h3>"
    if h.problem:
        return f'<section class="qal-card">{title}<p class="problem">{sentence_html(h.problem)}</p></section>'
    facts = [f"{h.work_s:.1f} s", f"RTF {h.work_s / max(h.clip_s, 1e-9):.2f}"]
    facts += [f"WER {percent(h.wer)}"] if h.wer is not None else []
    facts += [", ".join(LANGUAGE_NAMES.get(c, c).capitalize() for c in h.languages)] if h.languages else []
    facts += [f"loaded in {h.load_s:.1f} s"] if h.load_s >= 0.1 else []
    line = "".join(f"<span>{html.escape(fact)}</span>" for fact in facts)
    if not h.text.strip():
        text = '<span class="qal-muted">No speech was found.</span>'
    elif has_reference or several:
        text = differences_html(align(said, h.text).pieces)
    else:
        text = html.escape(h.text)
    body = f'<div class="facts">{line}</div><p class="heard" dir="auto">{text}</p>'
    return f'<section class="qal-card">{title}{body}</section>'


def differences_html(pieces: Sequence[Piece]) -> str:
    return " ".join(_piece(piece) for piece in pieces)


def _piece(piece: Piece) -> str:
    said, heard = html.escape(piece.said), html.escape(piece.heard)
    if piece.same:
        return heard
    if not heard:
        return f"<del>{said}</del>"
    return f'<mark title="{said}">{heard}</mark>' if said else f"<ins>{heard}</ins>"


def _legend(reference: str, heard: int) -> str:
    if not reference.strip() and heard < 2:
        return ""
    to = "the reference" if reference.strip() else "the first model's text"
    return (
        f'<p class="qal-muted">Against {to}: <mark>another word</mark>, <ins>a word more</ins>, '
        "<del>a word that is missing</del>.</p>"
    )


def percent(share: float) -> str:
    return f"{100 * share:.1f} %" if math.isfinite(share) else NOTHING
