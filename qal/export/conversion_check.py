"""In front of every run's model directory: a conversion may not cost quality.

The merged Transformers weights, CTranslate2 unquantised (float16 on a GPU, float32 on a CPU) and in int8 transcribe
the same held-out utterances with the same decoding. A step whose loss of WER lies above 1 point with its whole 95 %
interval stops the export; on very few utterances only a gross one does."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from qal.errors import ConversionError
from qal.evaluation.bootstrap import PairedDifference, paired_difference
from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.evaluation.scoring import SEED

MAX_LOSS = 0.01  # of WER, as a share
WANTED_UTTERANCES = 100
FEWEST_UTTERANCES = 20  # of fewer the interval says little, of one nothing: a single word would stop the export
GROSS_LOSS = 0.5  # of WER: what a broken conversion loses, however few the utterances are
Transcriber = Callable[[], list[str]]


@dataclass(frozen=True)
class Check:
    """WER of each form, and what each step lost."""

    utterances: int
    wer: dict[str, float]
    losses: dict[str, PairedDifference]

    def as_dict(self) -> dict:
        losses = {step: vars(loss) for step, loss in self.losses.items()}
        return {
            "utterances": self.utterances,
            "enough": self.utterances >= WANTED_UTTERANCES,
            "wer": self.wer,
            "losses": losses,
        }

    def require(self) -> None:
        """Raises ConversionError when a step lost more than is allowed."""
        bound = MAX_LOSS if self.utterances >= FEWEST_UTTERANCES else GROSS_LOSS
        for step, loss in self.losses.items():
            if loss.low > bound:
                raise ConversionError(
                    f"the conversion {step} loses {100 * loss.difference:.1f} points of WER "
                    f"(95 % interval {100 * loss.low:.1f} to {100 * loss.high:.1f}); the model was not exported: "
                    "resume the run with a newer CTranslate2, or train again with a lower learning_rate"
                )


def check_conversion(references: Sequence[str], forms: dict[str, Transcriber]) -> Check:
    """forms: name -> transcriber of the same utterances, in the order of conversion."""
    counts: dict[str, ErrorCounts] = {
        name: count_errors(references, transcribe()) for name, transcribe in forms.items()
    }
    names = list(counts)
    losses = {
        f"{a} -> {b}": paired_difference(counts[b], counts[a], np.random.default_rng(SEED))
        for a, b in itertools.pairwise(names)
    }
    return Check(len(references), {name: c.wer for name, c in counts.items()}, losses)
