"""Rows whose speech or whose text was made by a machine; they may be trained on, but never validate or test a model."""

from qal.corpus.manifest import Origin, Row

SYNTHETIC, PSEUDO_LABEL = "synthetic: ", "pseudo-label: "  # beginnings of Row.source
TRAIN_ONLY = "All examples are for training, because a score on machine-made examples would say nothing about speech."


def is_machine_made(row: Row) -> bool:
    """True if the audio is synthetic, or the text is a model's."""
    return row.source.startswith((SYNTHETIC, PSEUDO_LABEL))


def for_training_only(row: Row, source: str) -> Row:
    """Returns a machine-made row.

    Args:
        row: the row with its audio and text.
        source: how it was made, beginning with SYNTHETIC or PSEUDO_LABEL."""
    return row.model_copy(update={"source": source, "split": "train"})


def train_only_origin(origin: Origin) -> Origin:
    """Returns the origin of a corpus of machine-made rows, which says that it has no test split."""
    return origin.model_copy(update={"split_by": "given", "split_note": TRAIN_ONLY})
