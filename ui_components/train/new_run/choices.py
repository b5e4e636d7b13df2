"""What the form offers of this studio, and how a run's settings are said in its words."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augmentation.options import AugmentationOptions
from qal.engine.catalogue import HUB_MODELS
from qal.jobs.options.training_config import TrainingConfig, absolute_path
from qal.jobs.options.yaml_file import check_config
from ui_components.app.studio import Studio
from ui_components.train.new_run.settings import BY_NAME, LEFT_OPEN, SETTINGS
from ui_components.widgets.choices import Choices, corpus_choices, model_choices
from ui_components.widgets.forms import component_values, settings_of, to_component_value, to_option_value

OF_CORPORA = ("corpus", "retention.corpora")


@dataclass(frozen=True)
class Filled:
    """What the components hold for a config, in the settings' order, and what of it this studio does not offer."""

    held: list[Any]
    lost: list[str]


def base_choices(studio: Studio) -> Choices:
    """Models to start from: what is at hand, and the catalogue's others."""
    here = model_choices(studio.runs, studio.model)
    known = {value for _, value in here}
    return [*here, *((f"{name} (fetched when the run starts)", name) for name in HUB_MODELS if name not in known)]


def offered_corpora(studio: Studio) -> dict[str, str]:
    """Whole path -> the value of its choice."""
    return {absolute_path(value): value for _, value in corpus_choices(studio.data)}


def filled(studio: Studio, config: TrainingConfig, kept: Collection[str] = (), held: Sequence[Any] = ()) -> Filled:
    """kept: names of settings that stay as they are held."""
    now = dict(zip((s.name for s in SETTINGS), held or [None] * len(SETTINGS), strict=True))
    values = dict(zip((s.name for s in SETTINGS), component_values(SETTINGS, config), strict=True))
    corpora, lost = offered_corpora(studio), []
    folders = {"corpus": config.corpus_folders, "retention.corpora": map(Path, config.retention.corpora)}
    for name in OF_CORPORA:
        wanted = [absolute_path(str(folder)) for folder in folders[name]]
        values[name] = [corpora[folder] for folder in wanted if folder in corpora]
        lost += [f"the corpus {Path(folder).name}" for folder in wanted if folder not in corpora]
    by_name = {Path(name).name: weight for name, weight in config.corpus_weights.items()}
    values["corpus_weights"] = to_component_value(BY_NAME["corpus_weights"], by_name)
    if config.base not in {value for _, value in base_choices(studio)}:
        values["base"] = now["base"]
        lost.append(f"the base model {config.base}")
    return Filled([now[name] if name in kept else value for name, value in values.items()], lost)


def augmented(held: Sequence[Any]) -> list[Any]:
    """The same with the transforms as the chosen preset of the augmentation has them."""
    values = dict(zip((s.name for s in SETTINGS), held, strict=True))
    preset = to_option_value(BY_NAME["augmentation.preset"], values["augmentation.preset"])
    settings = settings_of(AugmentationOptions, "augmentation.")
    transforms = check_config({"augmentation": {"preset": preset}}, "the form")
    return list(
        (values | dict(zip((s.name for s in settings), component_values(settings, transforms), strict=True))).values()
    )


def left_open(config: TrainingConfig) -> list[str]:
    """What a preset leaves for the user to say: with what to train, where the file does not name it."""
    return [name for name in LEFT_OPEN if name not in config.model_fields_set]


def changed(studio: Studio, held: Sequence[Any], reference: TrainingConfig, unsaid: Collection[str]) -> list[str]:
    """Names of the settings in which the form differs, right or wrong; not what the reference leaves open."""
    others = filled(studio, reference).held
    pairs = zip(SETTINGS, held, others, strict=True)
    return [
        s.name
        for s, mine, other in pairs
        if to_option_value(s, mine) != to_option_value(s, other) and s.name not in unsaid
    ]
