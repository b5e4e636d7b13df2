"""Handlers of the model comparison: transcribe one clip with several models."""

import time
from collections.abc import Iterator, Sequence

import gradio as gr

from qal.audio.decode import decode
from qal.audio.samples import Samples, seconds
from qal.engine.languages import check_language
from qal.engine.longform.segment import Segment
from qal.engine.longform.transcription import transcribe_file
from qal.errors import AudioDecodeError, ModelError, OptionError, QalError
from qal.evaluation.error_rates import count_errors
from qal.text.error_measure import ErrorRate
from ui_components.app.open_page import require_open_page
from ui_components.app.studio import Studio
from ui_components.models.comparison_view import ComparisonResult, comparison_html
from ui_components.models.inventory import Model, find_model
from ui_components.widgets.markup import minutes

MAX_COMPARED = 6
NO_CLIP = "choose an audio file or record one first"
WAITING = "Choose a clip and the models to compare, then press Transcribe. Results appear here."


def add_to_comparison(studio: Studio, selected: str | None, compared: list[str] | None) -> list[str]:
    """Adds the selected model to the compared ones, unless it is among them."""
    key = find_model(studio, selected).key
    return [*(compared or []), *([key] if key not in (compared or []) else [])]


def compare_one(studio: Studio, selected: str | None) -> list[str]:
    """Compares the selected model only."""
    return [find_model(studio, selected).key]


def compare(
    studio: Studio,
    path: str | None,
    keys: list[str] | None,
    language: str,
    reference: str,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio's way to pass the progress bar
) -> Iterator[str]:
    """Transcribes a clip with one model after the other and yields the results so far as HTML.

    Args:
        studio: the studio.
        path: the clip.
        keys: the models.
        language: language code, "" to detect the language.
        reference: the reference transcript, "" for none.
        progress: Gradio's progress bar.

    Raises:
        AudioDecodeError: no clip, or a clip that is not audio.
        ModelError: no model, or a key that is not in the inventory.
        OptionError: more than MAX_COMPARED models."""
    if not path:
        raise AudioDecodeError(NO_CLIP)
    models = [find_model(studio, key) for key in keys or []]
    if not models:
        raise ModelError("choose an installed model first")
    if len(models) > MAX_COMPARED:
        raise OptionError(f"{len(models)} models are too many; choose at most {MAX_COMPARED}")
    progress(0, desc="reading the clip")
    samples, results = decode(path, check=require_open_page, is_example=False), []
    for index, model in enumerate(models):
        yield comparison_html(results, reference, titles(models[index:]))
        results.append(transcribe_with(studio, model, samples, language or None, reference, progress))
    yield comparison_html(results, reference)


def titles(models: Sequence[Model]) -> list[str]:
    return [model.title for model in models]


def transcribe_with(
    studio: Studio, model: Model, samples: Samples, language: str | None, reference: str, progress: gr.Progress
) -> ComparisonResult:
    """Transcribes the clip with one model. An error becomes its result, so that the other models are still compared.

    Args:
        studio: the studio.
        model: the model.
        samples: (n,) at 16 kHz.
        language: language code, None to detect the language.
        reference: the reference transcript, "" for none.
        progress: Gradio's progress bar."""
    duration_s = seconds(samples)
    done_s = 0.0

    def advance(more_s: float) -> None:
        nonlocal done_s
        require_open_page()
        done_s += more_s
        progress(min(1.0, done_s / max(duration_s, 1e-9)), desc=f"{model.title}: {minutes(done_s)}")

    try:
        progress(0, desc=f"loading {model.title}")
        started_s = time.perf_counter()
        engine = studio.engines.get(model.key, studio.runs)
        if language:
            check_language(language, engine.tokenizer.languages)
        loaded_s = time.perf_counter()
        segments = transcribe_file(engine, samples, language, progress=advance)
    except QalError as error:
        return ComparisonResult(model.title, problem=str(error))
    text = " ".join(segment.text for segment in segments)
    return ComparisonResult(
        title=model.title,
        text=text,
        languages=tuple(sorted({segment.language for segment in segments})),
        load_s=loaded_s - started_s,
        transcribe_s=time.perf_counter() - loaded_s,
        clip_s=duration_s,
        error_rate=_error_rate(reference, text, language or _only_language(segments)) if reference.strip() else None,
    )


def _only_language(segments: Sequence[Segment]) -> str | None:
    """The language of all segments; None if there are several or none."""
    languages = {segment.language for segment in segments}
    return languages.pop() if len(languages) == 1 else None


def _error_rate(reference: str, text: str, language: str | None) -> ErrorRate:
    counts = count_errors([reference], [text], language)
    return ErrorRate(counts.measure, counts.rate)
