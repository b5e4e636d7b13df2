"""Handlers of the New run tab: they update, check and fill the form. starting.py starts a run.

`values` are the values of the form's components, in the order of FORM_SETTINGS. `preset` is the value of the preset
drop-down, `name` the name that the user gives to the run, `state` what the page knows of the form."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from qal.corpus.manifest import Corpus
from qal.errors import OptionError
from qal.jobs.measured_runs import describe_machine, measured_runs, parameter_count, summarise_examples
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import MAX_TEXT_CHARS, as_yaml, check_config, parse_settings
from ui_components.app.studio import Studio, unchanged
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
    changed_values,
    form_values,
    settings_left_to_user,
    with_augmentation_preset,
)
from ui_components.train.new_run.command_line import command_line, train_arguments
from ui_components.train.new_run.estimate import estimate_run
from ui_components.train.new_run.form_state import FormState, is_outdated, restored_form, stored_form, visit_key
from ui_components.train.new_run.outputs import (
    AugmentationUpdate,
    FormChoices,
    FormFeedback,
    FormUpdate,
    LoadedRun,
)
from ui_components.train.new_run.run_names import name_problem, suggested_name
from ui_components.train.new_run.settings import AUGMENTATION_PRESET
from ui_components.train.new_run.view import (
    differences_html,
    estimate_html,
    highlights_html,
    open_points_html,
    problems_html,
)
from ui_components.train.tab_ids import NEW_RUN_TAB
from ui_components.widgets.choices import corpus_choices, first_available, model_choices, presets
from ui_components.widgets.markup import sentence_html
from ui_components.widgets.model_choice import model_note

FIX_FIRST = "# Fix the problems above first"  # in place of the command line and the YAML
CHOOSE_FIRST = "# Complete the settings above first"
NEW_FORM = FormState()


def first_config(studio: Studio) -> TrainingConfig:
    """The settings of a new page: the default preset, else the first preset, else the default options."""
    configs = {preset.name: preset.config for preset in presets(studio.configs).presets}
    return configs.get(DEFAULT_PRESET) or next(iter(configs.values()), TrainingConfig())


def update_choices(
    studio: Studio,
    request: gr.Request,
    stored: Any,
    state: FormState,
    preset: str | None,
    name: str | None,
    *values: Any,
) -> FormChoices:
    """Updates the choices of presets, models and datasets; the user's choices stay if they are still available.

    A new page first restores the form of an earlier visit from the browser's storage; an invalid one is ignored."""
    for error in presets(studio.configs).errors:
        gr.Warning(sentence_html(str(error)))
    if is_outdated(stored, state):
        return FormChoices(gr.skip(), tuple(gr.skip() for _ in values), gr.skip(), gr.skip(), unchanged(FormFeedback))
    restored = None if state.visit else restored_form(studio, stored)
    state = replace(state, visit=visit_key(request.session_hash))
    settings = by_name(values)
    if restored:
        preset, name, settings = restored.preset, restored.name, by_name(restored.values)
        state = replace(state, preset=preset, touched=restored.touched)
    corpora, bases, baselines = corpus_choices(studio.data), base_choices(studio), baseline_choices(studio, preset)
    installed = first_available(model_choices(studio.runs, studio.model), studio.model, "base")
    preset = first_available(baselines, preset, DEFAULT_PRESET)
    corpus_values = {value for _, value in corpora}
    for setting in CORPUS_SETTINGS:
        settings[setting] = [value for value in settings[setting] or [] if value in corpus_values]
    settings["corpus"] = settings["corpus"] or sorted(corpus_values)[:1]
    settings["base"] = first_available(bases, settings["base"], installed, "base")
    updates = by_name(changed_values(values, [*settings.values()])) | {
        "base": gr.Dropdown(choices=bases, value=settings["base"]),
        "corpus": gr.Dropdown(choices=corpora, value=settings["corpus"], multiselect=True),
        "retention.corpora": gr.Dropdown(choices=corpora, value=settings["retention.corpora"], multiselect=True),
    }
    feedback = form_feedback(studio, preset, list(settings.values()), name, replace(state, preset=preset))
    if restored:
        feedback = feedback._replace(name=gr.Textbox(restored.name, placeholder=feedback.name.placeholder))
    return FormChoices(
        preset=gr.Dropdown(choices=baselines, value=preset, info=baseline_info(studio, preset)),
        settings=tuple(updates.values()),
        note=model_note(studio.model, installed) + ("" if corpora else no_corpus_note(studio)),
        fetch=gr.Button(visible=not corpora),
        feedback=feedback,
    )


def check(studio: Studio, state: FormState, preset: str | None, name: str | None, *values: Any) -> FormFeedback:
    """Checks the form after a user has changed it."""
    return form_feedback(studio, preset, values, name, state.after_input(values, name))


def press_start(studio: Studio, state: FormState, preset: str | None, name: str | None, *values: Any) -> FormFeedback:
    """Checks the form after Start was pressed: from now on each problem is shown in red.

    The button is disabled until the run was started, so that a second click starts no second run."""
    feedback = form_feedback(studio, preset, values, name, replace(state, start_pressed=True))
    return feedback._replace(start=gr.Button(interactive=False))


def form_feedback(
    studio: Studio, preset: str | None, values: Sequence[Any], name: str | None = "", state: FormState = NEW_FORM
) -> FormFeedback:
    """The problems of the form, its changes from the preset or run, the estimate, the command line and the YAML."""
    checked = check_form(studio, values)
    problems = [problem for problem in (name_problem(studio, name), *checked.problems) if problem]
    state = replace(state, values=tuple(values))
    shown = [problem for problem in problems if state.shows(problem)]
    untouched = [problem for problem in problems if not state.shows(problem)]
    try:
        baseline = find_baseline(studio, preset)
    except OptionError as error:
        return _feedback_without_baseline([*problems, Problem("", str(error))], state)
    changed = changed_settings(studio, values, baseline.config, settings_left_to_user(baseline.config))
    config = checked.valid_config
    can_start = not shown
    command = yaml = FIX_FIRST if shown else CHOOSE_FIRST
    if config:
        command = command_line(train_arguments(config, baseline.file, baseline.settings, studio.runs))
        yaml = as_yaml(config)
    return FormFeedback(
        problems=problems_html(shown) + open_points_html(untouched) + highlights_html(shown, changed),
        differences=differences_html(changed, baseline.label),
        reset=gr.Button(f"Reset to {baseline.kind}", visible=bool(changed)),
        estimate=_estimate(studio, config, checked.corpora) if config else "",
        start=gr.Button(interactive=can_start),
        find_learning_rate=gr.Button(interactive=can_start),
        command_line=command,
        yaml=yaml,
        name=gr.Textbox(placeholder=suggested_name(studio, config, preset) if config else ""),
        state=state,
        stored=stored_form(studio, preset, name, values, state.visit),
    )


def _feedback_without_baseline(problems: Sequence[Problem], state: FormState) -> FormFeedback:
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
        name=gr.skip(),
        state=state,
        stored={"visit": state.visit},
    )


def _estimate(studio: Studio, config: TrainingConfig, corpora: Sequence[Corpus]) -> str:
    machine = describe_machine(studio.runs, config)
    examples = summarise_examples(corpora, config)
    parameters = parameter_count(config.base, studio.runs)
    estimate = estimate_run(config, examples, parameters, machine, measured_runs(studio.runs, config))
    return estimate_html(estimate, machine.free_memory_mb, machine.free_disk_mb)


def choose_preset(studio: Studio, state: FormState, preset: str | None, name: str | None, *values: Any) -> FormUpdate:
    """Fills the form with the chosen preset or run.

    Gradio sends the event of a choice when a drop-down loses the focus, too; the same choice changes nothing."""
    if preset == state.preset:
        return FormUpdate(gr.skip(), tuple(gr.skip() for _ in values), unchanged(FormFeedback))
    return load_preset(studio, state, preset, name, *values)


def load_preset(studio: Studio, state: FormState, preset: str | None, name: str | None, *values: Any) -> FormUpdate:
    """Fills the form with the settings of the preset or run."""
    config = find_baseline(studio, preset).config
    return fill_form(studio, state, preset, name, config, values, settings_left_to_user(config))


def apply_augmentation_preset(
    studio: Studio, state: FormState, preset: str | None, name: str | None, *values: Any
) -> AugmentationUpdate:
    """Fills the settings of the transforms with the chosen augmentation preset."""
    if state.values and by_name(state.values)[AUGMENTATION_PRESET] == by_name(values)[AUGMENTATION_PRESET]:
        return AugmentationUpdate(tuple(gr.skip() for _ in values), unchanged(FormFeedback))
    new_values = with_augmentation_preset(values)
    feedback = form_feedback(studio, preset, new_values, name, state.after_input(new_values, name))
    return AugmentationUpdate(changed_values(values, new_values), feedback)


def load_run(
    studio: Studio, run_id: str | None, state: FormState, preset: str | None, name: str | None, *values: Any
) -> LoadedRun:
    """Fills the form with the settings of a run, then selects the New run tab.

    The tab is selected last, because its select event reads the form's values."""
    if run_id is None:
        no_changes = FormUpdate(gr.skip(), tuple(gr.skip() for _ in values), unchanged(FormFeedback))
        return LoadedRun(copied_run=gr.skip(), tabs=gr.skip(), form=no_changes)
    baseline_value = RUN_PREFIX + find_run(studio, run_id).id
    config = find_baseline(studio, baseline_value).config
    form = fill_form(studio, state, baseline_value, name, config, values)
    return LoadedRun(copied_run=None, tabs=gr.Tabs(selected=NEW_RUN_TAB), form=form)


def load_yaml(
    studio: Studio, text: str | None, state: FormState, preset: str | None, name: str | None, *values: Any
) -> FormUpdate:
    """Fills the form with the settings of a YAML text."""
    config = parse_yaml(text or "")
    return fill_form(studio, state, preset, name, config, values, settings_left_to_user(config))


def load_yaml_file(
    studio: Studio, path: str | None, state: FormState, preset: str | None, name: str | None, *values: Any
) -> FormUpdate:
    """Fills the form with the settings of an uploaded file."""
    if path is None:
        raise OptionError("choose a YAML file first")
    with Path(path).open("rb") as file:
        content = file.read(MAX_TEXT_CHARS + 1)
    try:
        return load_yaml(studio, content.decode(), state, preset, name, *values)
    except UnicodeDecodeError as error:
        raise OptionError("not a text file; choose a YAML file, such as one from configs/") from error


def parse_yaml(text: str) -> TrainingConfig:
    """Parses settings. Raises OptionError if the text is empty or not valid."""
    if not text.strip():
        raise OptionError("paste a YAML first, such as a run's config.yaml")
    return check_config(parse_settings(text, "the YAML"), "the YAML")


def fill_form(
    studio: Studio,
    state: FormState,
    preset: str | None,
    name: str | None,
    config: TrainingConfig,
    values: Sequence[Any],
    kept: Collection[str] = (),
) -> FormUpdate:
    """Fills the form with settings; datasets and models that the studio does not offer are left out with a warning.

    Args:
        studio: the studio.
        state: what the page knows of the form.
        preset: the value of the preset drop-down.
        name: the name of the run.
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
        feedback=form_feedback(studio, preset, new.values, name, state.filled(preset)),
    )
