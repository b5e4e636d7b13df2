"""What was heard at a validation against what was said, as HTML. Pure functions."""

import html
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from qal.evaluation.alignment import align
from qal.jobs.sample_predictions import SamplePrediction, ValidationSamples
from ui_components.widgets.choices import Choices

NEWEST = "newest"
MARKS = {"del": ("missed: ", "Missed, or heard as something else"), "ins": ("heard instead: ", "Heard, but not said")}

Words = Sequence[tuple[str, bool]]


def epoch_choices(heard: Sequence[ValidationSamples]) -> Choices:
    """The newest first, whichever that is; then each epoch."""
    if not heard:
        return [(NEWEST, NEWEST)]
    return [(f"newest ({epoch_name(heard[-1])})", NEWEST), *((epoch_name(h), str(h.epoch)) for h in reversed(heard))]


def epoch_name(heard: ValidationSamples) -> str:
    return f"epoch {heard.epoch}" if heard.step else "before training"


def chosen_epoch(heard: Sequence[ValidationSamples], epoch: str | None) -> tuple[str, ValidationSamples | None]:
    """The wanted one where it is there, else the newest -> (its value, what was heard)."""
    found = next((h for h in heard if str(h.epoch) == epoch), None)
    return (str(epoch), found) if found else (NEWEST, heard[-1] if heard else None)


def samples_html(heard: ValidationSamples | None, may_play: Callable[[Path], bool]) -> str:
    """`may_play`: whether the server gives the file away."""
    if heard is None:
        return ""
    return f'<div class="qal-samples">{"".join(_sample_html(one, may_play) for one in heard.samples)}</div>'


def _sample_html(sample: SamplePrediction, may_play: Callable[[Path], bool]) -> str:
    alignment = align(sample.reference, sample.prediction)
    reference = [(words.reference, words.is_correct) for words in alignment.words if words.reference]
    prediction = [(words.prediction, words.is_correct) for words in alignment.words if words.prediction]
    errors, total = alignment.errors, alignment.reference_words
    wrong = f"{errors} of {total} words wrong" if errors else "every word right"
    language = f' lang="{html.escape(sample.language)}"' if sample.language else ""
    return (
        f'<article><div class="facts">{_player(sample.audio, may_play)}'
        f'<span class="qal-badge{"" if errors else " on"}">{wrong}</span></div>'
        f'<dl><dt>said</dt><dd dir="auto"{language}>{_marked(reference, "del")}</dd>'
        f'<dt>heard</dt><dd dir="auto"{language}>{_marked(prediction, "ins")}</dd></dl></article>'
    )


def _player(audio: str, may_play: Callable[[Path], bool]) -> str:
    if not may_play(Path(audio)):
        return '<span class="qal-muted">its sound lies outside the data folder, or is gone</span>'
    name = html.escape(Path(audio).name, quote=True)
    return f'<audio controls preload="none" src="gradio_api/file={quote(audio)}" aria-label="{name}"></audio>'


def _marked(words: Words, tag: str) -> str:
    """Wrong words in <del> or <ins>, told in words to who cannot see them; words side by side share a mark."""
    spoken, title = MARKS[tag]
    parts, open_words = [], []

    def close() -> None:
        if open_words:
            inside = f'<span class="qal-spoken">{spoken}</span>{html.escape(" ".join(open_words))}'
            parts.append(f'<{tag} title="{title}">{inside}</{tag}>')
            open_words.clear()

    for word, right in words:
        if right:
            close()
            parts.append(html.escape(word))
        else:
            open_words.append(word)
    close()
    return " ".join(parts) or '<span class="qal-muted">nothing</span>'
