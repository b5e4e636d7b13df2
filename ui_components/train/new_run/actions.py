"""What happens while a new run is set up and started. `held`: what the form's components hold, in their order."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from qal.corpus.manifest import Corpus
from qal.errors import OptionError
from qal.jobs import job
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import MAX_TEXT_CHARS, as_yaml, check_config, parse_settings
from qal.jobs.queue import queued_jobs, running_job
from qal.jobs.run import Run
from ui_components.app.studio import Studio, current_user
from ui_components.data.sample_corpus import no_corpus_note
from ui_components.train.new_run.checks import Problem, check_form
from ui_components.train.new_run.choices import augmented, base_choices, changed, filled, left_open
from ui_components.train.new_run.command_line import arguments, command_line
from ui_components.train.new_run.estimate import estimate
from ui_components.train.new_run.measured_runs import machine_of, measured_runs, parameters_of, rows_of
from ui_components.train.new_run.references import DEFAULT, OF_RUN, about, find_run, reference, reference_choices
from ui_components.train.new_run.settings import SETTINGS
from ui_components.train.new_run.view import differences_html, estimate_html, marks_html, problem_text, problems_html
from ui_components.widgets.choices import corpus_choices, first_available, model_choices, presets
from ui_components.widgets.markup import sentence_html
from ui_components.widgets.model_choice import model_note

NEW = "new"  # the inner tab with the form
RUN = "run"  # the inner tab on which a run is watched
NOTHING_YET = "# what is wrong must be mended first"
NAMES = tuple(setting.name for setting in SETTINGS)
TOLD = 8  # what `told` gives
OFFERED = ("base", "corpus", "retention.corpora")


def first_config(studio: Studio) -> TrainingConfig:
    """What the form shows when the page is made."""
    found = {preset.name: preset.config for preset in presets(studio.configs).presets}
    return found.get(DEFAULT) or next(iter(found.values()), TrainingConfig())


def offer(studio: Studio, preset: str | None, *held: Any) -> list[Any]:
    """What a new run can be made from now; choices that were made stay.

    -> (preset, base, corpora, corpora of the retention, note, fetch button, *told)"""
    for error in presets(studio.configs).errors:
        gr.Warning(sentence_html(str(error)))
    now = dict(zip(NAMES, held, strict=True))
    corpora, bases, named = corpus_choices(studio.data), base_choices(studio), reference_choices(studio, preset)
    here = first_available(model_choices(studio.runs, studio.model), studio.model, "base")
    preset = first_available(named, preset, DEFAULT)
    values = {value for _, value in corpora}
    for name in OFFERED[1:]:
        now[name] = [value for value in now[name] or [] if value in values]
    now["corpus"] = now["corpus"] or sorted(values)[:1]
    now["base"] = first_available(bases, now["base"], here, "base")
    return [
        gr.Dropdown(choices=named, value=preset, info=about(studio, preset)),
        gr.Dropdown(choices=bases, value=now["base"]),
        *(gr.Dropdown(choices=corpora, value=now[name], multiselect=True) for name in OFFERED[1:]),
        model_note(studio.model, here) + ("" if corpora else no_corpus_note(studio)),
        gr.Button(visible=not corpora),
        *told(studio, preset, [now[name] for name in NAMES]),
    ]


def check(studio: Studio, preset: str | None, *held: Any) -> list[Any]:
    return told(studio, preset, held)


def told(studio: Studio, preset: str | None, held: Sequence[Any]) -> list[Any]:
    """What the form says of its settings.

    -> (problems, differences, back button, estimate, start button, finder's button, command line, YAML)"""
    checked = check_form(studio, held)
    try:
        compared = reference(studio, preset)
    except OptionError as error:
        wrong = [*checked.problems, Problem("", str(error))]
        idle = gr.Button(interactive=False)
        return [problems_html(wrong), "", gr.Button(visible=False), "", idle, idle, NOTHING_YET, NOTHING_YET]
    differ = changed(studio, held, compared.config, left_open(compared.config))
    right = checked.right
    return [
        problems_html(checked.problems) + marks_html(checked.problems, differ),
        differences_html(differ, compared.label),
        gr.Button(f"Back to {compared.label}", visible=bool(differ)),
        estimated_html(studio, right, checked.corpora) if right else "",
        gr.Button(interactive=right is not None),
        gr.Button(interactive=right is not None),
        command_line(arguments(right, compared.file, compared.below, studio.runs)) if right else NOTHING_YET,
        as_yaml(right) if right else NOTHING_YET,
    ]


def estimated_html(studio: Studio, config: TrainingConfig, corpora: Sequence[Corpus]) -> str:
    machine, parameters = machine_of(studio.runs, config), parameters_of(config.base, studio.runs)
    found = estimate(config, rows_of(corpora, config), parameters, machine, measured_runs(studio.runs, config))
    return estimate_html(found, machine.free_memory_mb, machine.free_disk_mb)


def choose(studio: Studio, preset: str | None, *held: Any) -> list[Any]:
    """The form as the preset, or the run, has it -> (preset, *held, *told)."""
    config = reference(studio, preset).config
    return fill(studio, preset, config, held, left_open(config))


def augment(studio: Studio, preset: str | None, *held: Any) -> list[Any]:
    """The transforms as the chosen preset of the augmentation has them -> (*held, *told)."""
    new = augmented(held)
    return [*updates(held, new), *told(studio, preset, new)]


def load_run(studio: Studio, run_id: str | None, preset: str | None, *held: Any) -> list[Any]:
    """The form as a run was started -> (nothing more to load, the tabs with it opened, preset, *held, *told).

    It is opened once it is filled: what is offered when it opens is made from what it holds."""
    if run_id is None:
        return [gr.skip()] * (3 + len(NAMES) + TOLD)
    value = OF_RUN + find_run(studio, run_id).id
    return [None, gr.Tabs(selected=NEW), *fill(studio, value, reference(studio, value).config, held)]


def load_text(studio: Studio, text: str | None, preset: str | None, *held: Any) -> list[Any]:
    """The form as a YAML says -> (preset, *held, *told)."""
    config = config_of(text or "")
    return fill(studio, preset, config, held, left_open(config))


def load_file(studio: Studio, path: str | None, preset: str | None, *held: Any) -> list[Any]:
    """The same of a file that was uploaded."""
    if path is None:
        raise OptionError("choose a YAML file first")
    with Path(path).open("rb") as file:
        content = file.read(MAX_TEXT_CHARS + 1)
    try:
        return load_text(studio, content.decode(), preset, *held)
    except UnicodeDecodeError as error:
        raise OptionError("the file is no text; choose a YAML file, such as one of configs/") from error


def config_of(text: str) -> TrainingConfig:
    """Raises OptionError."""
    if not text.strip():
        raise OptionError("paste a YAML first, such as a run's config.yaml")
    return check_config(parse_settings(text, "the YAML"), "the YAML")


def fill(
    studio: Studio, preset: str | None, config: TrainingConfig, held: Sequence[Any], kept: Collection[str] = ()
) -> list[Any]:
    new = filled(studio, config, kept, held)
    if new.lost:
        gr.Warning(sentence_html(f"not offered here, and so left out: {', '.join(new.lost)}"))
    choice = gr.Dropdown(choices=reference_choices(studio, preset), value=preset, info=about(studio, preset))
    return [choice, *updates(held, new.held), *told(studio, preset, new.held)]


def updates(held: Sequence[Any], new: Sequence[Any]) -> Iterator[Any]:
    """Only what changes is sent."""
    return (gr.skip() if a == b and type(a) is type(b) else b for a, b in zip(held, new, strict=True))


def start(studio: Studio, request: gr.Request, *held: Any) -> tuple[str, gr.Tabs]:
    """Starts a job -> (its id, the tabs with its run opened)."""
    run = job.start(right_config(studio, held), studio.runs, user=current_user(request))
    tell_place(studio, run)
    return run.id, gr.Tabs(selected=RUN)


def right_config(studio: Studio, held: Sequence[Any]) -> TrainingConfig:
    """Raises OptionError with the first thing that is wrong."""
    checked = check_form(studio, held)
    if checked.right is None:
        raise OptionError(problem_text(checked.problems[0]))
    return checked.right


def tell_place(studio: Studio, run: Run) -> None:
    """A toast where the run must wait."""
    busy, line = running_job(studio.runs), [waiting.id for waiting in queued_jobs(studio.runs)]
    place = line.index(run.id) + 1 if run.id in line else 1
    if busy or place > 1:
        who = f"run {busy.id}" if busy else f"{place - 1} other runs"
        gr.Info(
            sentence_html(f"{who} comes first: this one waits for the device as number {place} and starts by itself")
        )
