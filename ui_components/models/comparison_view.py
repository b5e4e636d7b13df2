"""The results of a model comparison as HTML: side by side, with the differences marked. Pure functions."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from qal.evaluation.alignment import AlignedWords, align
from qal.text.error_measure import ErrorRate
from qal.text.normalisation.registry import SCORING
from ui_components.models.table import short_title
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import sentence_html

MIN_SHOWN_LOAD_S = 0.1


@dataclass(frozen=True)
class ComparisonResult:
    """The transcript of the clip by one model, or the reason why there is none."""

    title: str
    text: str = ""
    languages: tuple[str, ...] = ()
    load_s: float = 0.0
    transcribe_s: float = 0.0
    clip_s: float = 1.0
    error_rate: ErrorRate | None = None  # None without a reference
    problem: str = ""


def comparison_html(results: Sequence[ComparisonResult], reference: str, waiting: Sequence[str] = ()) -> str:
    """One card per model. Differences are marked against the reference, or else against the first transcript.

    Args:
        results: the results so far.
        reference: the reference transcript, "" for none.
        waiting: titles of the models without a result yet."""
    first_text = next((result.text for result in results if not result.problem), "")
    baseline = reference.strip() or first_text
    marks_differences = bool(reference.strip()) or len(results) + len(waiting) > 1
    cards = "".join(_result_card(result, baseline, marks_differences) for result in results)
    cards += "".join(_waiting_card(title) for title in waiting)
    return f'<div class="qal-comparison">{cards}</div>{_legend(reference, len(results))}' if cards else ""


def _waiting_card(title: str) -> str:
    heading = html.escape(short_title(title))
    return f'<section class="qal-card"><h3>{heading}</h3><p class="qal-muted">Waiting...</p></section>'


def _result_card(result: ComparisonResult, baseline: str, marks_differences: bool) -> str:
    title = f"<h3>{html.escape(short_title(result.title))}</h3>"
    if result.problem:
        return f'<section class="qal-card">{title}<p class="problem">{sentence_html(result.problem)}</p></section>'
    if not result.text.strip():
        text = '<span class="qal-muted">No speech was found.</span>'
    elif marks_differences:
        text = differences_html(align(baseline, result.text).words)
    else:
        text = html.escape(result.text)
    facts = "".join(f"<span>{html.escape(fact)}</span>" for fact in _facts(result))
    body = f'<div class="facts">{facts}</div><p class="transcript" dir="auto">{text}</p>'
    return f'<section class="qal-card">{title}{body}</section>'


def _facts(result: ComparisonResult) -> list[str]:
    """Time, real-time factor, error rate with its normaliser, languages and load time; unknown ones are left out."""
    facts = [f"{result.transcribe_s:.1f} s", f"RTF {result.transcribe_s / max(result.clip_s, 1e-9):.2f}"]
    if result.error_rate is not None:
        facts.append(f"{result.error_rate.named_text} ({SCORING.id})")
    if result.languages:
        facts.append(", ".join(LANGUAGE_NAMES.get(code, code).capitalize() for code in result.languages))
    if result.load_s >= MIN_SHOWN_LOAD_S:
        facts.append(f"loaded in {result.load_s:.1f} s")
    return facts


def differences_html(words: Sequence[AlignedWords]) -> str:
    return "".join(("" if w.is_joined else " ") + _aligned_words_html(w) for w in words).strip()


def _aligned_words_html(aligned: AlignedWords) -> str:
    reference, prediction = html.escape(aligned.reference), html.escape(aligned.prediction)
    if aligned.is_correct:
        return prediction
    if not prediction:
        return f"<del>{reference}</del>"
    return f'<mark title="{reference}">{prediction}</mark>' if reference else f"<ins>{prediction}</ins>"


def _legend(reference: str, result_count: int) -> str:
    if not reference.strip() and result_count < 2:
        return ""
    baseline = "the reference" if reference.strip() else "the first model's transcript"
    return (
        f'<p class="qal-muted">Differences from {baseline}: <mark>substitution</mark>, <ins>insertion</ins>, '
        "<del>deletion</del>.</p>"
    )
