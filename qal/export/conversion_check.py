"""Check of the conversion of trained weights: it must not raise the word error rate.

The merged Transformers weights, CTranslate2 without quantization (float16 on a GPU, float32 on a CPU) and CTranslate2
int8 transcribe the same held-out utterances with the same decoding. A conversion step stops the export if the whole
95 % interval of its WER increase lies above 1 point; with very few utterances only a large increase does."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qal.errors import ConversionError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.error_rates import count_errors
from qal.evaluation.report import PairedDifference
from qal.evaluation.scoring import SEED

MAX_WER_LOSS = 0.01  # share
RECOMMENDED_UTTERANCES = 100
MIN_UTTERANCES = 20  # with fewer the interval is unreliable: a single word could stop the export
MAX_WER_LOSS_FEW_UTTERANCES = 0.5  # share; only a broken conversion loses more
Transcriber = Callable[[], list[str]]


@dataclass(frozen=True)
class ConversionCheck:
    """WER of each format (a share), and the WER increase of each conversion step ("a -> b")."""

    utterances: int
    wer: dict[str, float]
    losses: dict[str, PairedDifference]

    def as_dict(self) -> dict:
        """Returns the content of conversion_check.json."""
        return {
            "utterances": self.utterances,
            "enough": self.utterances >= RECOMMENDED_UTTERANCES,
            "wer": self.wer,
            "losses": {step: loss.model_dump() for step, loss in self.losses.items()},
        }

    def raise_on_loss(self) -> None:
        """Raises ConversionError if a step raises the WER by more than is allowed."""
        limit = MAX_WER_LOSS if self.utterances >= MIN_UTTERANCES else MAX_WER_LOSS_FEW_UTTERANCES
        for step, loss in self.losses.items():
            if loss.low > limit:
                raise ConversionError(
                    f"the conversion {step} raises the WER by {100 * loss.difference:.1f} points "
                    f"(95 % interval {100 * loss.low:.1f} to {100 * loss.high:.1f}); the model was not exported: "
                    "resume the run with a newer CTranslate2, or train again with a lower learning_rate"
                )


def check_conversion(references: Sequence[str], transcribers: Mapping[str, Transcriber]) -> ConversionCheck:
    """Transcribes with every format and compares each with the one before.

    Args:
        references: reference transcripts.
        transcribers: by name of the format, in the order of conversion; each returns one transcript per reference."""
    counts = {name: count_errors(references, transcribe()) for name, transcribe in transcribers.items()}
    losses = {
        f"{before} -> {after}": paired_difference(counts[after], counts[before], np.random.default_rng(SEED))
        for before, after in itertools.pairwise(counts)
    }
    return ConversionCheck(len(references), {name: c.wer for name, c in counts.items()}, losses)
