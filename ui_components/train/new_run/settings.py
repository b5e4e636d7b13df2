"""The settings of a run in the form: labels, accordions and headings."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from qal.jobs.options.training_config import TrainingConfig
from ui_components.widgets.forms import Setting, settings_of

NOT_IN_FORM = ("find_learning_rate",)  # the form has a button for it
ALL_SETTINGS = tuple(settings_of(TrainingConfig))
FORM_SETTINGS = tuple(setting for setting in ALL_SETTINGS if setting.name not in NOT_IN_FORM)
SETTINGS_BY_NAME = {setting.name: setting for setting in ALL_SETTINGS}
OPTION_GROUPS = {setting.name.rpartition(".")[0] for setting in ALL_SETTINGS} - {""}  # names of the nested models
AUDIO_FOLDER_SETTINGS = ("augmentation.reverb.folder", "augmentation.background.folder", "distillation.noise_folder")

AUGMENTATION_PRESET = "augmentation.preset"
ADVANCED_ID, MAIN_ID = "advanced-settings", "main-settings"  # element ids of the accordion with all other settings
BASIC_SETTINGS = ("base", "corpus", "language")  # always visible, with the preset and the name of the run
MAIN_SETTINGS = ("method", AUGMENTATION_PRESET, "epochs", "learning_rate", "batch_size", "max_utterances")
SETTINGS_LEFT_TO_USER = ("corpus", "corpus_weights", "language")  # most presets do not set them
AMBIGUOUS_NAMES = {"corpus", "base", "language", "method"}  # names of settings that are also words of a sentence
ACCORDIONS = {  # title -> names of settings, or beginnings of names that end with a dot
    "Trainable weights": ("trained.", "lora.", "adalora."),
    "Optimiser": ("warmup_share", "gradient_clip", "optimizer."),
    "Device, memory and speed": ("device", "precision", "cache_mb", "machine.", "compute."),
    "Data and context": (
        "corpus_weights",
        "min_utterance_s",
        "max_utterance_s",
        "context.",
        "targets.",
        "curriculum.",
    ),
    "Augmentation": ("augmentation.",),
    "Distillation": ("distillation.",),
    "Early stopping and result": ("stopping.", "result."),
    "Validation, check and report": (
        "validation_utterances",
        "check_utterances",
        "report_utterances",
        "retention.",
    ),
    "Checkpoints, error handling and logging": ("seed", "tracker", "checkpoints.", "faults."),
}
HEADINGS = {  # by name of the nested model
    "trained": "Weights",
    "lora": "LoRA",
    "adalora": "AdaLoRA",
    "optimizer": "AdamW and learning-rate schedule",
    "machine": "Processes",
    "compute": "Memory and speed",
    "stopping": "Early stopping",
    "faults": "Error handling",
    "augmentation": "SpecAugment",
    "augmentation.background": "Background noise",
    "augmentation.band": "Band-pass filter",
    "retention": "Forgetting on other datasets",
}
LABELS = {
    "method": "Task",
    "base": "Base model",
    "corpus": "Datasets",
    "corpus_weights": "Dataset weights",
    AUGMENTATION_PRESET: "Augmentation",
    "max_utterances": "Max training examples (empty = all)",
    "max_utterance_s": "Longest example (s)",
    "min_utterance_s": "Shortest example (s)",
    "gradient_clip": "Max gradient norm",
    "warmup_share": "Warm-up share",
    "cache_mb": "Audio cache (MB)",
    "validation_utterances": "Validation examples",
    "check_utterances": "Conversion check examples",
    "report_utterances": "Test examples of the report",
    "tracker": "Also log metrics to",
    "trained.part": "Train encoder/decoder",
    "trained.linear": "Linear layers",
    "trained.first_layers": "Train only the first N layers",
    "trained.last_layers": "Train only the last N layers",
    "trained.base_precision": "Precision of frozen weights",
    "lora.rank_stabilised": "Rank-stabilised LoRA",
    "adalora.first_share": "Share of steps at the start rank",
    "adalora.last_share": "Share of steps with fixed ranks",
    "adalora.interval_steps": "Steps between rank reductions",
    "adalora.orthogonality": "Orthogonality penalty",
    "optimizer.schedule": "Learning-rate schedule",
    "optimizer.decayed": "Weight decay applies to",
    "optimizer.accumulate": "Gradient accumulation steps",
    "compute.batch_seconds": "Batch size (s)",
    "compute.part_seconds": "Micro-batch size (s)",
    "compute.recompute": "Gradient checkpointing",
    "compute.compile": "torch.compile",
    "stopping.patience_epochs": "Patience (epochs)",
    "stopping.min_delta": "Min decrease of the error rate",
    "result.keep": "Checkpoint to keep",
    "result.averaged_epochs": "Epochs to average",
    "result.transformers": "Save in Transformers format",
    "result.gate": "Gate (checks of the finished model)",
    "result.suite": "Regression suite (YAML file)",
    "context.full_share": "Share of 30 s batches",
    "targets.translate_share": "Examples with translation",
    "targets.timestamp_share": "Examples with timestamps",
    "targets.timestamps_of": "Timestamps from",
    "targets.previous_share": "Examples with previous text",
    "targets.lower_case": "Small letters",
    "curriculum.by": "Difficulty measure",
    "curriculum.epochs": "Epochs with easy examples first",
    "augmentation.reverb.min_direct_db": "Minimum direct-to-reverberant ratio (dB)",
    "augmentation.reverb.max_direct_db": "Maximum direct-to-reverberant ratio (dB)",
    "augmentation.codec.kinds": "Codecs",
    "augmentation.codec.min_kbps": "Minimum bit rate (kbit/s)",
    "augmentation.codec.max_kbps": "Maximum bit rate (kbit/s)",
    "distillation.frames_weight": "Weight of the encoder loss",
    "distillation.joined_share": "Concatenated examples",
    "distillation.altered_share": "Augmented examples",
    "distillation.noisy_share": "Examples with noise",
    "distillation.silent_share": "Noise-only examples",
    "retention.corpora": "Datasets",
    "retention.utterances": "Test examples per dataset",
    "retention.max_wer_loss": "Max increase of the error rate",
    "checkpoints.every_steps": "Save every N steps",
    "checkpoints.every_minutes": "Save every N minutes",
    "checkpoints.keep_epochs": "Keep the weights of each epoch",
    "faults.skipped_steps": "Max consecutive skipped steps",
    "faults.bad_rows_share": "Max share of unusable audio",
}


class FormSection(NamedTuple):
    """Settings below a heading; "" is no heading."""

    heading: str
    names: list[str]


def label_of(name: str) -> str:
    """The label of a setting or of a nested model."""
    return LABELS.get(name) or (SETTINGS_BY_NAME[name].label if name in SETTINGS_BY_NAME else heading_of(name))


def heading_of(option_group: str) -> str:
    """The heading of a nested model's settings."""
    return HEADINGS.get(option_group) or option_group.rpartition(".")[2].replace("_", " ").capitalize()


def form_sections(accordion: str) -> list[FormSection]:
    """The sections of an accordion, in the order of the options; a single section has no heading."""
    sections: list[FormSection] = []
    for setting in accordion_settings(accordion):
        heading = heading_of(setting.name.rpartition(".")[0])
        if not sections or sections[-1].heading != heading:
            sections.append(FormSection(heading, []))
        sections[-1].names.append(setting.name)
    return sections if len(sections) > 1 else [FormSection("", sections[0].names)]


def accordion_settings(accordion: str) -> Iterator[Setting]:
    """Yields the settings of an accordion in the order of its names."""
    for pattern in ACCORDIONS[accordion]:
        for setting in FORM_SETTINGS:
            matches = setting.name == pattern or (pattern.endswith(".") and setting.name.startswith(pattern))
            if matches and setting.name not in MAIN_SETTINGS:
                yield setting


def accordion_of(name: str) -> str | None:
    """The title of a setting's accordion; None for a setting outside of the accordions."""
    return next((title for title in ACCORDIONS if any(s.name == name for s in accordion_settings(title))), None)


def settings_named_in(message: str, option_group: str = "") -> set[str]:
    """The settings that a message names. Settings of `option_group` may be named without the group."""
    words = [word.rstrip(".") for word in re.findall(r"[\w.]+", message)]
    names = {name for word in words for name in (word, f"{option_group}.{word}") if name in SETTINGS_BY_NAME}
    return names - AMBIGUOUS_NAMES


def section_id(accordion: str, heading: str) -> str:
    """The element id of a heading in an accordion."""
    headings = [section.heading for section in form_sections(accordion)]
    return f"{accordion_id(accordion)}-{headings.index(heading)}"


def accordion_id(accordion: str) -> str:
    """The element id of an accordion in the page."""
    return f"group-{list(ACCORDIONS).index(accordion)}"
