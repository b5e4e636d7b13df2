"""Handlers of the New run tab: they update, check and fill the form, and start a run.

`values` are the values of the form's components, in the order of FORM_SETTINGS. `preset` is the value of the preset
drop-down."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from qal.corpus.manifest import Corpus
from qal.errors import OptionError
from qal.jobs import job
from qal.jobs.measured_runs import (
    describe_machine,
    measured_runs,
    parameter_count,
    summarise_examples,
)
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import MAX_TEXT_CHARS, as_yaml, check_config, parse_settings
from qal.jobs.queue import queued_jobs, running_job
from qal.jobs.run import Run
from ui_components.app.studio import Studio, current_user, unchanged
from ui_components.data.sample_corpus import no_corpus_note
from ui_components.train.new_run.baseline import (
    DEFAULT_PRESET,
    RUN_PREFIX,
    baseline_choices,
    baseline_info,
    find_baseline,
    find_run,
)
from ui_components.train.new_run.checks import Problem, check_form
from ui_components.train.new_run.choices import (
    CORPUS_SETTINGS,
    base_choices,
    by_name,
    changed_settings,
    form_values,
    settings_left_to_user,
    with_augmentation_preset,
)
from ui_components.train.new_run.command_line import command_line, train_arguments
from ui_components.train.new_run.estimate import estimate_run
from ui_components.train.new_run.outputs import (
    AugmentationUpdate,
    FormChoices,
    FormFeedback,
    FormUpdate,
    LoadedRun,
    StartedRun,
)
from ui_components.train.new_run.view import (
    differences_html,
    estimate_html,
    highlights_html,
    problem_text,
    problems_html,
)
from ui_components.train.tab_ids import NEW_RUN_TAB, RUN_TAB
from ui_components.widgets.choices import corpus_choices, first_available, model_choices, presets
from ui_components.widgets.markup import sentence_html
from ui_components.widgets.model_choice import model_note

FIX_FIRST = "# Fix the problems above first"  # in place of the command line and the YAML


def first_config(studio: Studio) -> TrainingConfig:
    """The settings of a new page: the default preset, else the first preset, else the default options."""
    configs = {preset.name: preset.config for preset in presets(studio.configs).presets}
    return configs.get(DEFAULT_PRESET) or next(iter(configs.values()), TrainingConfig())


def update_choices(studio: Studio, preset: str | None, *values: Any) -> FormChoices:
    """Updates the choices of presets, models and datasets; the user's choices stay if they are still available."""
    for error in presets(studio.configs).errors:
        gr.Warning(sentence_html(str(error)))
    settings = by_name(values)
    corpora, bases, baselines = corpus_choices(studio.data), base_choices(studio), baseline_choices(studio, preset)
    installed = first_available(model_choices(studio.runs, studio.model), studio.model, "base")
    preset = first_available(baselines, preset, DEFAULT_PRESET)
    corpus_values = {value for _, value in corpora}
    for name in CORPUS_SETTINGS:
        settings[name] = [value for value in settings[name] or [] if value in corpus_values]
    settings["corpus"] = settings["corpus"] or sorted(corpus_values)[:1]
    settings["base"] = first_available(bases, settings["base"], installed, "base")
    return FormChoices(
        preset=gr.Dropdown(choices=baselines, value=preset, info=baseline_info(studio, preset)),
        base=gr.Dropdown(choices=bases, value=settings["base"]),
        corpus=gr.Dropdown(choices=corpora, value=settings["corpus"], multiselect=True),
        retention_corpora=gr.Dropdown(choices=corpora, value=settings["retention.corpora"], multiselect=True),
        note=model_note(studio.model, installed) + ("" if corpora else no_corpus_note(studio)),
        fetch=gr.Button(visible=not corpora),
        feedback=form_feedback(studio, preset, list(settings.values())),
    )


def check(studio: Studio, preset: str | None, *values: Any) -> FormFeedback:
    """Checks the form after a change."""
    return form_feedback(studio, preset, values)


def form_feedback(studio: Studio, preset: str | None, values: Sequence[Any]) -> FormFeedback:
    """The problems of the form, its changes from the preset or run, the estimate, the command line and the YAML."""
    checked = check_form(studio, values)
    try:
        baseline = find_baseline(studio, preset)
    except OptionError as error:
        return _feedback_without_baseline([*checked.problems, Problem("", str(error))])
    changed = changed_settings(studio, values, baseline.config, settings_left_to_user(baseline.config))
    config = checked.valid_config
    can_start = config is not None
    command = yaml = FIX_FIRST
    if config:
        command = command_line(train_arguments(config, baseline.file, baseline.settings, studio.runs))
        yaml = as_yaml(config)
    return FormFeedback(
        problems=problems_html(checked.problems) + highlights_html(checked.problems, changed),
        differences=differences_html(changed, baseline.label),
        reset=gr.Button(f"Reset to {baseline.kind}", visible=bool(changed)),
        estimate=_estimate(studio, config, checked.corpora) if config else "",
        start=gr.Button(interactive=can_start),
        find_learning_rate=gr.Button(interactive=can_start),
        command_line=command,
        yaml=yaml,
    )


def _feedback_without_baseline(problems: Sequence[Problem]) -> FormFeedback:
    disabled = gr.Button(interactive=False)
    return FormFeedback(
        problems=problems_html(problems),
        differences="",
        reset=gr.Button(visible=False),
        estimate="",
        start=disabled,
        find_learning_rate=disabled,
        command_line=FIX_FIRST,
        yaml=FIX_FIRST,
    )


def _estimate(studio: Studio, config: TrainingConfig, corpora: Sequence[Corpus]) -> str:
    machine = describe_machine(studio.runs, config)
    examples = summarise_examples(corpora, config)
    parameters = parameter_count(config.base, studio.runs)
    estimate = estimate_run(config, examples, parameters, machine, measured_runs(studio.runs, config))
    return estimate_html(estimate, machine.free_memory_mb, machine.free_disk_mb)


def load_preset(studio: Studio, preset: str | None, *values: Any) -> FormUpdate:
    """Fills the form with the settings of the preset or run."""
    config = find_baseline(studio, preset).config
    return fill_form(studio, preset, config, values, settings_left_to_user(config))


def apply_augmentation_preset(studio: Studio, preset: str | None, *values: Any) -> AugmentationUpdate:
    """Fills the settings of the transforms with the chosen augmentation preset."""
    new_values = with_augmentation_preset(values)
    return AugmentationUpdate(changed_values(values, new_values), form_feedback(studio, preset, new_values))


def load_run(studio: Studio, run_id: str | None, preset: str | None, *values: Any) -> LoadedRun:
    """Fills the form with the settings of a run, then selects the New run tab.

    The tab is selected last, because its select event reads the form's values."""
    if run_id is None:
        no_changes = FormUpdate(gr.skip(), tuple(gr.skip() for _ in values), unchanged(FormFeedback))
        return LoadedRun(copied_run=gr.skip(), tabs=gr.skip(), form=no_changes)
    baseline_value = RUN_PREFIX + find_run(studio, run_id).id
    form = fill_form(studio, baseline_value, find_baseline(studio, baseline_value).config, values)
    return LoadedRun(copied_run=None, tabs=gr.Tabs(selected=NEW_RUN_TAB), form=form)


def load_yaml(studio: Studio, text: str | None, preset: str | None, *values: Any) -> FormUpdate:
    """Fills the form with the settings of a YAML text."""
    config = parse_yaml(text or "")
    return fill_form(studio, preset, config, values, settings_left_to_user(config))


def load_yaml_file(studio: Studio, path: str | None, preset: str | None, *values: Any) -> FormUpdate:
    """Fills the form with the settings of an uploaded file."""
    if path is None:
        raise OptionError("choose a YAML file first")
    with Path(path).open("rb") as file:
        content = file.read(MAX_TEXT_CHARS + 1)
    try:
        return load_yaml(studio, content.decode(), preset, *values)
    except UnicodeDecodeError as error:
        raise OptionError("not a text file; choose a YAML file, such as one from configs/") from error


def parse_yaml(text: str) -> TrainingConfig:
    """Parses settings. Raises OptionError if the text is empty or not valid."""
    if not text.strip():
        raise OptionError("paste a YAML first, such as a run's config.yaml")
    return check_config(parse_settings(text, "the YAML"), "the YAML")


def fill_form(
    studio: Studio, preset: str | None, config: TrainingConfig, values: Sequence[Any], kept: Collection[str] = ()
) -> FormUpdate:
    """Fills the form with settings; datasets and models that the studio does not offer are left out with a warning.

    Args:
        studio: the studio.
        preset: the value of the preset drop-down.
        config: the settings.
        values: the current values.
        kept: names of the settings that keep their current value.
    """
    new = form_values(studio, config, kept, values)
    if new.unavailable:
        gr.Warning(sentence_html(f"not available here and left out: {', '.join(new.unavailable)}"))
    return FormUpdate(
        preset=gr.Dropdown(choices=baseline_choices(studio, preset), value=preset, info=baseline_info(studio, preset)),
        settings=changed_values(values, new.values),
        feedback=form_feedback(studio, preset, new.values),
    )


def changed_values(old: Sequence[Any], new: Sequence[Any]) -> tuple[Any, ...]:
    """The new values, with `gr.skip()` for those that are unchanged."""
    return tuple(gr.skip() if _is_equal(*values) else values[1] for values in zip(old, new, strict=True))


def _is_equal(old: Any, new: Any) -> bool:
    """True for equal values of one type: 1 and True are different."""
    return old == new and type(old) is type(new)


def start(studio: Studio, request: gr.Request, *values: Any) -> StartedRun:
    """Starts a run with the settings of the form. Raises OptionError if a setting is invalid."""
    run = job.start(require_valid_config(studio, values), studio.runs, user=current_user(request))
    show_queue_position(studio, run)
    return StartedRun(run.id, gr.Tabs(selected=RUN_TAB))


def require_valid_config(studio: Studio, values: Sequence[Any]) -> TrainingConfig:
    """Returns the settings of the form. Raises OptionError with the first problem."""
    checked = check_form(studio, values)
    if checked.valid_config is None:
        raise OptionError(problem_text(checked.problems[0]))
    return checked.valid_config


def show_queue_position(studio: Studio, run: Run) -> None:
    """Shows a message with the run's position in the queue if other runs are in progress or queued."""
    in_progress, queued = running_job(studio.runs), [queued_run.id for queued_run in queued_jobs(studio.runs)]
    position = queued.index(run.id) + 1 if run.id in queued else 1
    if in_progress is None and position == 1:
        return
    reason = f"run {in_progress.id} is in progress" if in_progress else "other runs are queued"
    message = f"{reason}: this run is number {position} in the queue and starts automatically"
    gr.Info(sentence_html(message))
