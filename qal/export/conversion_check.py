"""Check of the conversion of trained weights: it must not raise the error rate that decides.

The merged Transformers weights, CTranslate2 without quantization (float16 on a GPU, float32 on a CPU) and CTranslate2
int8 transcribe the same held-out utterances with the same decoding. A conversion step stops the export if the whole
95 % interval of its increase lies above 1 point; with very few utterances only a large increase does."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qal.errors import ConversionError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.error_rates import Languages, count_errors
from qal.evaluation.report import ROUNDED_DIGITS, PairedDifference
from qal.evaluation.scoring import SEED
from qal.export.gate.formats import (
    MAX_LOSS,
    MAX_LOSS_FEW_UTTERANCES,
    MIN_UTTERANCES,
    Encode,
    loss_sentence,
    token_agreement,
)
from qal.text.error_measure import Measure
from qal.text.normalisation.registry import SCORING

RECOMMENDED_UTTERANCES = 100
Transcriber = Callable[[], list[str]]


@dataclass(frozen=True)
class ConversionCheck:
    """Error rates of each format (shares), and the increase of each conversion step ("a -> b")."""

    utterances: int
    measure: Measure  # the error rate that decides, and whose increase is measured
    wer: dict[str, float]
    cer: dict[str, float]
    losses: dict[str, PairedDifference]
    agreement: dict[str, float]  # share of tokens that each step keeps

    def as_dict(self) -> dict:
        """Returns the content of conversion_check.json."""
        return {
            "utterances": self.utterances,
            "enough": self.utterances >= RECOMMENDED_UTTERANCES,
            "split": "validation, test",
            "normaliser": SCORING.id,
            "measure": self.measure,
            "wer": self.wer,
            "cer": self.cer,
            "agreement": {step: round(share, ROUNDED_DIGITS) for step, share in self.agreement.items()},
            "losses": {step: loss.model_dump() for step, loss in self.losses.items()},
        }

    def raise_on_loss(self) -> None:
        """Raises ConversionError if a step raises the error rate by more than is allowed."""
        limit = MAX_LOSS if self.utterances >= MIN_UTTERANCES else MAX_LOSS_FEW_UTTERANCES
        for step, loss in self.losses.items():
            if loss.low > limit:
                raise ConversionError(
                    f"{loss_sentence(step, self.measure, loss)}; the model was not exported: "
                    "resume the run with a newer CTranslate2, or train again with a lower learning_rate"
                )


def check_conversion(
    references: Sequence[str],
    transcribers: Mapping[str, Transcriber],
    languages: Languages = None,
    encode: Encode = str.split,
) -> ConversionCheck:
    """Transcribes with every format and compares each with the one before.

    Args:
        references: reference transcripts.
        transcribers: by name of the format, in the order of conversion; each returns one transcript per reference.
        languages: language of all references, or of each; None: unknown. It decides the measure.
        encode: returns the tokens of a text."""
    texts = {name: transcribe() for name, transcribe in transcribers.items()}
    counts = {name: count_errors(references, found, languages) for name, found in texts.items()}
    agreement = {
        f"{before} -> {after}": token_agreement(texts[before], texts[after], encode)
        for before, after in itertools.pairwise(texts)
    }
    losses = {
        f"{before} -> {after}": paired_difference(counts[after], counts[before], np.random.default_rng(SEED))
        for before, after in itertools.pairwise(counts)
    }
    measure = next(iter(counts.values())).measure
    wer, cer = ({name: getattr(c, rate) for name, c in counts.items()} for rate in ("wer", "cer"))
    return ConversionCheck(len(references), measure, wer, cer, losses, agreement)
