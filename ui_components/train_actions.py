"""What happens on the Train tab. Nothing lives in the page: it shows what the run folders say."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from errors import OptionError, TrainingError
from training import job
from training.config import load_config, method_name
from training.run import ENDED, Run, list_runs
from ui_components.choices import Choices, chosen, corpus_choices, model_choices, presets
from ui_components.corpus_fetch import import_command
from ui_components.figures import error_rate_figure, loss_figure
from ui_components.markup import note_html, sentence_html
from ui_components.model_offer import model_note
from ui_components.run_view import corpus_names, progress_html, report_html
from ui_components.studio import Studio

POLL_S = 1.0
NO_RUN = "No run yet. Choose a model, a corpus and a preset, then press Start; its progress appears here."
NO_CORPUS = "There is no corpus in `{data}` yet: fetch the sample below, or run `python {command}` and reload."


@dataclass(frozen=True)
class Seen:
    """What a page shows already, so that nothing is drawn twice."""

    runs: tuple[str, ...] = ("",)
    run: str | None = None
    state: str | None = None
    rows_bytes: int = -1


def offer(
    studio: Studio, base: str | None = None, corpus: str | None = None, preset: str | None = None
) -> tuple[gr.Dropdown, gr.Dropdown, gr.Dropdown, str, gr.Button]:
    """What a new run can be made from; choices that were made stay -> (base, corpus, preset, note, fetch button)."""
    models, corpora = model_choices(studio.runs, studio.model), corpus_choices(studio.data)
    found, broken = presets(studio.configs)
    for error in broken:
        gr.Warning(sentence_html(str(error)))
    named: Choices = [(p.name, p.name) for p in found]
    default, preset = chosen(models, studio.model, "base"), chosen(named, preset, "quick")
    return (
        gr.Dropdown(choices=models, value=chosen(models, base, default)),
        gr.Dropdown(choices=corpora, value=chosen(corpora, corpus)),
        gr.Dropdown(choices=named, value=preset, info=about_preset(studio, preset)),
        model_note(studio.model, default) + ("" if corpora else no_corpus(studio)),
        gr.Button(visible=not corpora),
    )


def about_preset(studio: Studio, name: str | None) -> str:
    """What a preset is for, and its main figures."""
    preset = next((p for p in presets(studio.configs)[0] if p.name == name), None)
    if not preset:
        return "no preset in configs/"
    config = preset.config
    most = f", at most {config.max_utterances:,} utterances" if config.max_utterances else ""
    figures = f"{config.epochs} epochs of {method_name(config)} on {config.base}{most}"
    return f"{preset.about} ({figures})" if preset.about else figures


def choose_preset(studio: Studio, name: str | None) -> tuple[gr.Dropdown, gr.Dropdown]:
    """What the preset is for, and its base model, offered even where it must be fetched first."""
    choices = model_choices(studio.runs, studio.model)
    base = next((p.config.base for p in presets(studio.configs)[0] if p.name == name), None)
    if base and base not in {value for _, value in choices}:
        choices.append((f"{base} (fetched when the run starts)", base))
    offered = gr.Dropdown(choices=choices, value=base) if base else gr.Dropdown(choices=choices)
    return gr.Dropdown(info=about_preset(studio, name)), offered


def start(studio: Studio, base: str | None, corpus: str | None, preset: str | None) -> gr.Dropdown:
    """Starts a job -> the selector, on its run."""
    for value, what in ((base, "model"), (corpus, "corpus"), (preset, "preset")):
        if not value:
            raise OptionError(f"choose a {what} first")
    config = load_config(studio.configs / f"{preset}.yaml").model_copy(update={"base": base, "corpus": [corpus]})
    run = job.start(config, studio.runs)
    return gr.Dropdown(choices=run_choices(list_runs(studio.runs)), value=run.id, visible=True)


def stop(studio: Studio, run_id: str | None) -> None:
    find(studio, run_id).request_stop()


def resume(studio: Studio, run_id: str | None) -> None:
    job.resume(find(studio, run_id))


def find(studio: Studio, run_id: str | None) -> Run:
    run = next((r for r in list_runs(studio.runs) if r.id == run_id), None)
    if run is None:
        raise TrainingError("choose a run first")
    return run


def default_run(runs: list[Run]) -> Run | None:
    """The one that is running, else the newest."""
    return next((r for r in runs if r.status().state not in ENDED), runs[0] if runs else None)


def show(studio: Studio, run_id: str | None, seen: Seen) -> list[Any]:
    """The chosen run, as its files are now -> (selector, progress, loss, error rates, report, stop, resume, seen).

    Charts are redrawn when rows were added; the selector when runs came or went."""
    runs = list_runs(studio.runs)
    run = next((r for r in runs if r.id == run_id), None) or default_run(runs)
    if run is None:
        return nothing_to_show()
    status, rows_bytes = run.status(), _size(run.metrics_file)
    now = Seen(tuple(r.id for r in runs), run.id, status.state, rows_bytes)
    if now == seen and status.state in ENDED:
        return [gr.skip()] * 8
    rows, stopping = run.metrics(), run.stop_file.exists()
    redraw = (now.run, rows_bytes) != (seen.run, seen.rows_bytes)
    listed = (now.runs, now.run, now.state) == (seen.runs, seen.run, seen.state)
    return [
        gr.skip() if listed else gr.Dropdown(choices=run_choices(runs), value=run.id, visible=True),
        progress_html(status, load_config(run.config_file), rows, stopping, time.time()),
        gr.Plot(loss_figure(rows), visible=True) if redraw else gr.skip(),
        gr.Plot(error_rate_figure(rows), visible=any("wer" in row for row in rows)) if redraw else gr.skip(),
        report_html(run.report()),
        gr.Button(visible=status.state not in ENDED, interactive=not stopping),
        gr.Button(visible=status.state in ("failed", "interrupted")),
        now,
    ]


def nothing_to_show() -> list[Any]:
    hidden = gr.update(visible=False)
    no_choice = gr.Dropdown(choices=[], value=None, visible=False)
    return [no_choice, note_html(NO_RUN), hidden, hidden, "", hidden, hidden, Seen(())]


def run_choices(runs: list[Run]) -> Choices:
    return [(_run_label(run), run.id) for run in runs]


def fetch_sample(studio: Studio) -> Iterator[tuple[str, gr.Button]]:
    """Runs the import and tells how it goes -> (note, button). The import outlives the page."""
    studio.fetch.start(studio.data)
    while studio.fetch.is_running():
        yield note_html(f"Fetching the sample corpus. {studio.fetch.last_line()}"), gr.Button(interactive=False)
        time.sleep(POLL_S)
    try:
        studio.fetch.check()
    finally:
        yield note_html("" if corpus_choices(studio.data) else no_corpus(studio)), gr.Button(interactive=True)


def no_corpus(studio: Studio) -> str:
    command = " ".join(import_command(studio.data))
    return note_html(NO_CORPUS.format(data=studio.data, command=command))


def _run_label(run: Run) -> str:
    names = ", ".join(corpus_names(load_config(run.config_file)))
    return " · ".join(part for part in (run.id, names, run.status().state) if part)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
