"""References and predictions of a validation as HTML. Pure functions."""

import html
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

from qal.evaluation.alignment import AlignedWords, align
from qal.jobs.sample_predictions import SamplePrediction, ValidationSamples
from ui_components.widgets.choices import Choices

LATEST = "latest"  # drop-down value for the last validation


class ErrorMark(NamedTuple):
    """The marking of wrong words."""

    tag: str
    spoken: str  # for screen readers, before the words
    title: str


REFERENCE_MARK = ErrorMark("del", "missed: ", "Deletion or substitution: missing or different in the prediction")
PREDICTION_MARK = ErrorMark("ins", "predicted instead: ", "Insertion or substitution: not in the reference")

EMPTY = '<span class="qal-muted">(empty)</span>'


class MarkedWord(NamedTuple):
    text: str
    is_correct: bool
    space: str  # before it


MarkedWords = Sequence[MarkedWord]


class EpochSelection(NamedTuple):
    """The value of the epoch drop-down and the samples of that epoch; None if there are no samples."""

    value: str
    samples: ValidationSamples | None


def epoch_choices(validations: Sequence[ValidationSamples]) -> Choices:
    """The choice of the latest validation, then all validations, the latest first."""
    if not validations:
        return [(LATEST, LATEST)]
    latest = (f"{LATEST} ({epoch_label(validations[-1])})", LATEST)
    return [latest, *((epoch_label(v), str(v.epoch)) for v in reversed(validations))]


def epoch_label(validation: ValidationSamples) -> str:
    return str(validation.epoch) if validation.step else "before training"


def select_epoch(validations: Sequence[ValidationSamples], epoch: str | None) -> EpochSelection:
    """The samples of the chosen epoch; those of the latest if that epoch does not exist."""
    chosen = next((v for v in validations if str(v.epoch) == epoch), None)
    if chosen:
        return EpochSelection(str(epoch), chosen)
    return EpochSelection(LATEST, validations[-1] if validations else None)


def samples_html(validation: ValidationSamples | None, is_served: Callable[[Path], bool]) -> str:
    """Reference and prediction of each sample, with a player.

    Args:
        validation: the samples; None gives "".
        is_served: returns True if the server may send the audio file.
    """
    if validation is None:
        return ""
    samples = "".join(_sample_html(sample, is_served) for sample in validation.samples)
    return f'<div class="qal-samples">{samples}</div>'


def _sample_html(sample: SamplePrediction, is_served: Callable[[Path], bool]) -> str:
    alignment = align(sample.reference, sample.prediction, sample.language)
    reference, prediction = _side(alignment.words, "reference"), _side(alignment.words, "prediction")
    errors, verdict = alignment.errors, _verdict(alignment.errors, alignment.reference_words, alignment.unit)
    language = f' lang="{html.escape(sample.language)}"' if sample.language else ""
    return (
        f'<article><div class="facts">{_player(sample.audio, is_served)}'
        f'<span class="qal-badge{"" if errors else " on"}">{verdict}</span></div>'
        f'<dl><dt>Reference</dt><dd dir="auto"{language}>{_marked(reference, REFERENCE_MARK)}</dd>'
        f'<dt>Prediction</dt><dd dir="auto"{language}>{_marked(prediction, PREDICTION_MARK)}</dd></dl></article>'
    )


def _verdict(errors: int, total: int, unit: str) -> str:
    """The number of errors in a reference of `total` units; insertions may make it larger than that."""
    if not errors:
        return "Correct"
    if errors <= total:
        return f"{errors} of {total} {unit} wrong"
    return f"{errors} errors in {total} {unit.removesuffix('s') if total == 1 else unit}"


def _player(audio: str, is_served: Callable[[Path], bool]) -> str:
    if not is_served(Path(audio)):
        return '<span class="qal-muted">Audio not available: outside the data folder, or deleted</span>'
    name = html.escape(Path(audio).name, quote=True)
    return f'<audio controls preload="none" src="gradio_api/file={quote(audio)}" aria-label="{name}"></audio>'


def _marked(words: MarkedWords, mark: ErrorMark) -> str:
    """The words as HTML; neighbouring wrong words share one mark."""
    runs = [(is_correct, list(run)) for is_correct, run in groupby(words, key=lambda word: word.is_correct)]
    return "".join(_run_html(run, None if is_correct else mark) for is_correct, run in runs) or EMPTY


def _run_html(words: MarkedWords, mark: ErrorMark | None) -> str:
    """Neighbouring words with the space before them, in the mark if there is one."""
    text = "".join(f"{word.space}{html.escape(word.text)}" for word in words)
    if not mark:
        return text
    content = f'<span class="qal-screen-reader">{mark.spoken}</span>{text.removeprefix(words[0].space)}'
    return f'{words[0].space}<{mark.tag} title="{mark.title}">{content}</{mark.tag}>'


def _side(words: Sequence[AlignedWords], side: Literal["reference", "prediction"]) -> list[MarkedWord]:
    """The words of one side; there is no space before the first one and before joined ones."""
    written = [(getattr(word, side), word) for word in words if getattr(word, side)]
    return [MarkedWord(text, w.is_correct, "" if w.is_joined or i == 0 else " ") for i, (text, w) in enumerate(written)]
