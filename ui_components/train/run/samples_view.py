"""References and predictions of a validation as HTML. Pure functions."""

import html
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from qal.evaluation.alignment import align
from qal.jobs.sample_predictions import SamplePrediction, ValidationSamples
from ui_components.widgets.aligned_text import aligned_html
from ui_components.widgets.choices import Choices

LATEST = "latest"  # drop-down value for the last validation


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
    errors, verdict = alignment.errors, _verdict(alignment.errors, alignment.reference_words, alignment.unit)
    return (
        f'<article><div class="facts">{_player(sample.audio, is_served)}'
        f'<span class="qal-badge{"" if errors else " on"}">{verdict}</span></div>'
        f"{aligned_html(alignment.words, sample.language or '')}</article>"
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
