"""The settings of a run as its form shows them: in which groups, in which words."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from qal.jobs.options.training_config import TrainingConfig
from ui_components.widgets.forms import Setting, settings_of

BY_BUTTON = ("find_learning_rate",)  # the form has a button for it
ALL = tuple(settings_of(TrainingConfig))
SETTINGS = tuple(setting for setting in ALL if setting.name not in BY_BUTTON)
BY_NAME = {setting.name: setting for setting in ALL}
HEADED = {setting.name.rpartition(".")[0] for setting in ALL} - {""}  # groups of the model
SOUND_FOLDERS = ("augmentation.reverb.folder", "augmentation.background.folder", "distillation.noise_folder")

MATERIAL = ("corpus", "base", "language")
LEFT_OPEN = ("corpus", "corpus_weights", "language")  # a preset says how to learn; what from is for the user to say
BASIC = ("method", "augmentation.preset", "epochs", "learning_rate", "batch_size", "max_utterances")
GROUPS = {  # title -> names, or beginnings of names
    "What learns": ("trained.", "lora.", "adalora."),
    "Optimiser": ("warmup_share", "gradient_clip", "optimizer."),
    "Device, memory and speed": ("device", "precision", "cache_mb", "machine.", "compute."),
    "Rows, contexts and targets": (
        *("corpus_weights", "min_utterance_s", "max_utterance_s"),
        *("context.", "targets.", "curriculum."),
    ),
    "Augmentation": ("augmentation.",),
    "Distillation": ("distillation.",),
    "Stopping and result": ("stopping.", "result."),
    "Validation, check and report": (
        *("validation_utterances", "check_utterances", "report_utterances"),
        "retention.",
    ),
    "Checkpoints, faults and records": ("seed", "tracker", "checkpoints.", "faults."),
}
HEADINGS = {
    "trained": "Weights",
    "lora": "LoRA",
    "adalora": "AdaLoRA",
    "optimizer": "AdamW and its schedule",
    "machine": "Processes",
    "compute": "Memory and speed",
    "faults": "Faults",
    "result": "Result",
    "augmentation": "SpecAugment",
}
LABELS = {
    "base": "Base model",
    "corpus": "Corpora",
    "corpus_weights": "Weights of the corpora",
    "augmentation.preset": "Augmentation",
    "max_utterances": "Most utterances",
    "max_utterance_s": "Longest utterance (s)",
    "min_utterance_s": "Shortest utterance (s)",
    "trained.linear": "Linear layers",
    "optimizer.decayed": "What decays",
    "optimizer.accumulate": "Batches a step",
    "curriculum.by": "Hard by",
    "checkpoints.every_steps": "Every so many steps",
    "checkpoints.every_minutes": "Every so many minutes",
}


class Section(NamedTuple):
    """Settings that stand together, under a heading unless they are the group's own or all of it."""

    heading: str
    names: list[str]


def label_of(name: str) -> str:
    """Of a setting, or of a group of the model."""
    return LABELS.get(name) or (BY_NAME[name].label if name in BY_NAME else heading_of(name))


def heading_of(group: str) -> str:
    return HEADINGS.get(group) or group.rpartition(".")[2].replace("_", " ").capitalize()


def sections(group: str) -> list[Section]:
    """What an accordion holds, in the model's order."""
    found: list[Section] = []
    for setting in settings_in(group):
        heading = heading_of(setting.name.rpartition(".")[0])
        if not found or found[-1].heading != heading:
            found.append(Section(heading, []))
        found[-1].names.append(setting.name)
    return found if len(found) > 1 else [Section("", found[0].names)]


def settings_in(group: str) -> Iterator[Setting]:
    for beginning in GROUPS[group]:
        for setting in SETTINGS:
            same = setting.name == beginning or (beginning.endswith(".") and setting.name.startswith(beginning))
            if same and setting.name not in BASIC:
                yield setting


def group_of(name: str) -> str | None:
    """The accordion that a setting is in; None for those that are always in sight."""
    return next((group for group in GROUPS if any(s.name == name for s in settings_in(group))), None)


def mentioned(sentence: str, group: str = "") -> set[str]:
    """The settings that a sentence names, those of a group of the model also by their last word."""
    words = [word.rstrip(".") for word in re.findall(r"[\w.]+", sentence)]
    named = {name for word in words for name in (word, f"{group}.{word}") if name in BY_NAME}
    return named - {"corpus", "base", "language", "method"}  # words of English, too


def group_element(group: str) -> str:
    """The id of an accordion in the page."""
    return f"group-{list(GROUPS).index(group)}"
