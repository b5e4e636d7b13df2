"""The choices of the form's drop-downs, and the conversion of a run's settings to the form's values."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from augmentation.options import AugmentationOptions
from qal.engine.catalogue import HUB_MODELS
from qal.jobs.options.training_config import TrainingConfig, absolute_path
from qal.jobs.options.yaml_file import check_config
from ui_components.app.studio import Studio
from ui_components.train.new_run.settings import (
    AUGMENTATION_PRESET,
    FORM_SETTINGS,
    SETTINGS_BY_NAME,
    SETTINGS_LEFT_TO_USER,
)
from ui_components.widgets.choices import Choices, corpus_choices, model_choices
from ui_components.widgets.forms import component_values, settings_of, to_component_value, to_option_value

CORPUS_SETTINGS = ("corpus", "retention.corpora")


@dataclass(frozen=True)
class FormValues:
    """The values of the form's components, in the order of FORM_SETTINGS."""

    values: list[Any]
    unavailable: list[str]  # datasets and models of the config that this studio does not offer


def base_choices(studio: Studio) -> Choices:
    """The installed models, then the other models of the catalogue."""
    installed = model_choices(studio.runs, studio.model)
    installed_values = {value for _, value in installed}
    others = [name for name in HUB_MODELS if name not in installed_values]
    return [*installed, *((f"{name} (downloaded when the run starts)", name) for name in others)]


def offered_corpora(studio: Studio) -> dict[str, str]:
    """The corpora of the data folder: absolute path -> value of the drop-down."""
    return {absolute_path(value): value for _, value in corpus_choices(studio.data)}


def by_name(values: Iterable[Any]) -> dict[str, Any]:
    """The values of the form's components by the name of the setting."""
    return dict(zip((setting.name for setting in FORM_SETTINGS), values, strict=True))


def form_values(
    studio: Studio, config: TrainingConfig, kept: Collection[str] = (), current: Sequence[Any] = ()
) -> FormValues:
    """Converts settings to values of the form's components.

    Args:
        studio: the studio.
        config: the settings.
        kept: names of the settings that keep their current value.
        current: the current values of the form's components; () if there are none.
    """
    current_values = by_name(current or [None] * len(FORM_SETTINGS))
    values = by_name(component_values(FORM_SETTINGS, config))
    corpora, unavailable = offered_corpora(studio), []
    folders = {"corpus": config.corpus_folders, "retention.corpora": map(Path, config.retention.corpora)}
    for name in CORPUS_SETTINGS:
        paths = [absolute_path(str(folder)) for folder in folders[name]]
        values[name] = [corpora[path] for path in paths if path in corpora]
        unavailable += [f"dataset {Path(path).name}" for path in paths if path not in corpora]
    weights = {Path(folder).name: weight for folder, weight in config.corpus_weights.items()}
    values["corpus_weights"] = to_component_value(SETTINGS_BY_NAME["corpus_weights"], weights)
    if config.base not in {value for _, value in base_choices(studio)}:
        values["base"] = current_values["base"]
        unavailable.append(f"base model {config.base}")
    values |= {name: current_values[name] for name in kept if name in values}
    return FormValues(list(values.values()), unavailable)


def with_augmentation_preset(values: Sequence[Any]) -> list[Any]:
    """The form's values with the transforms of the chosen augmentation preset."""
    new_values = by_name(values)
    preset = to_option_value(SETTINGS_BY_NAME[AUGMENTATION_PRESET], new_values[AUGMENTATION_PRESET])
    config = check_config({"augmentation": {"preset": preset}}, "the form")
    settings = settings_of(AugmentationOptions, "augmentation.")
    names = (setting.name for setting in settings)
    new_values |= dict(zip(names, component_values(settings, config), strict=True))
    return list(new_values.values())


def settings_left_to_user(config: TrainingConfig) -> list[str]:
    """The names of the settings that a preset does not set and the user chooses: the datasets and the language."""
    return [name for name in SETTINGS_LEFT_TO_USER if name not in config.model_fields_set]


def changed_settings(
    studio: Studio, values: Sequence[Any], baseline: TrainingConfig, ignored: Collection[str]
) -> list[str]:
    """The names of the settings whose values in the form differ from a config.

    Args:
        studio: the studio.
        values: the values of the form's components.
        baseline: the config.
        ignored: names of settings that are not compared.
    """
    baseline_values = form_values(studio, baseline).values
    return [
        setting.name
        for setting, value, baseline_value in zip(FORM_SETTINGS, values, baseline_values, strict=True)
        if to_option_value(setting, value) != to_option_value(setting, baseline_value) and setting.name not in ignored
    ]


def changed_values(old: Sequence[Any], new: Sequence[Any]) -> tuple[Any, ...]:
    """The new values, with `gr.skip()` for those that are unchanged."""
    return tuple(gr.skip() if _is_equal(*values) else values[1] for values in zip(old, new, strict=True))


def _is_equal(old: Any, new: Any) -> bool:
    """True for equal values of one type: 1 and True are different."""
    return old == new and type(old) is type(new)
