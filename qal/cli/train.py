"""qal train: one training job, with the options of TrainingConfig."""

from collections.abc import Sequence

import train_whisper_lightning


def main(arguments: Sequence[str]) -> None:
    train_whisper_lightning.main(arguments)
