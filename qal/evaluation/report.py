"""The report of a training run (report.json): one model through which every module writes and reads it.

Error rates are shares, not percents. A difference is the fine-tuned model's rate minus the original model's."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, FiniteFloat, ValidationError, field_validator

from qal.corpus.left_out import describe_left_out
from qal.corpus.split_assignment import DESCRIPTIONS
from qal.engine.model_directory import MeasuredScore
from qal.errors import TrainingError
from qal.evaluation.check_result import FAILED_GATE, GateSummary, gate_sentences
from qal.text.error_measure import ErrorRate, Measure, percent_interval, score_basis
from qal.text.normalisation.registry import OLDEST

Variant = Literal["stock_30s", "tuned_30s", "tuned_adaptive"]  # the three models of a report; keys of the file
ORIGINAL: Variant = "stock_30s"
FINE_TUNED: tuple[Variant, Variant] = ("tuned_30s", "tuned_adaptive")
WINDOWS = {"stock_30s": "30 s windows", "tuned_30s": "30 s windows", "tuned_adaptive": "adaptive context"}

REPORT_TITLE = "Results on the test set"
ORIGINAL_ON_TEST_SET = "original model on the test set"
BEFORE_TRAINING = "base model before training"
WORSE_THAN_ORIGINAL = "Worse than the original model"

MAX_REPORT_BYTES = 10_000_000
ROUNDED_DIGITS = 5
RED, PLAIN = "\x1b[31m", "\x1b[0m"

OriginalFigure = TypeVar("OriginalFigure")
TunedFigure = TypeVar("TunedFigure")


class Figures(BaseModel, frozen=True, strict=True):
    """Numbers that can be rounded for the file."""

    def rounded(self) -> Self:
        return self.model_copy(
            update={name: round(value, ROUNDED_DIGITS) for name, value in self if isinstance(value, float)}
        )


class Score(Figures, frozen=True):
    """Error rates of one model with their 95 % intervals; `rtf` is seconds of computation per audio second.

    The interval of the CER is missing in early reports."""

    wer: FiniteFloat
    wer_low: FiniteFloat
    wer_high: FiniteFloat
    cer: FiniteFloat
    cer_low: FiniteFloat | None = None
    cer_high: FiniteFloat | None = None
    rtf: FiniteFloat

    def error_rate(self, measure: Measure) -> ErrorRate:
        if measure == "WER":
            return ErrorRate("WER", self.wer, self.wer_low, self.wer_high)
        return ErrorRate("CER", self.cer, self.cer_low, self.cer_high)


class PairedDifference(Figures, frozen=True):
    """Rate of one system minus the rate of another on the same examples, its 95 % interval and a two-sided p."""

    difference: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat
    p: FiniteFloat


class PerVariant(BaseModel, Generic[OriginalFigure, TunedFigure], frozen=True, strict=True):
    """A figure of the original model and the same figure of the fine-tuned model with both windows."""

    stock_30s: OriginalFigure
    tuned_30s: TunedFigure
    tuned_adaptive: TunedFigure


class OriginalWer(Figures, frozen=True):
    """Error rates; the CER is missing in early reports."""

    wer: FiniteFloat
    cer: FiniteFloat | None = None


class TunedWer(PairedDifference, frozen=True):
    """Error rates with the paired difference of the one that decides to the original model."""

    wer: FiniteFloat
    cer: FiniteFloat | None = None


class OriginalShare(Figures, frozen=True):
    share: FiniteFloat


class TunedShare(PairedDifference, frozen=True):
    """Share of successes; the paired difference compares the shares of failures."""

    share: FiniteFloat


class CorpusRetention(PerVariant[OriginalWer, TunedWer], frozen=True):
    """Error rates on the test set of one corpus that was not trained on."""

    utterances: int
    words: int | None = None
    measure: Measure = "WER"  # the error rate of the differences


ShareRetention = PerVariant[OriginalShare, TunedShare]


class Retention(BaseModel, frozen=True, strict=True):
    """Comparison with the original model on audio that was not trained on.

    `failures` holds one sentence for each loss beyond its limit."""

    corpora: dict[str, CorpusRetention] = {}
    language_identification: ShareRetention | None = None
    timestamps: ShareRetention | None = None
    long_recording: PerVariant[FiniteFloat, FiniteFloat] | None = None
    long_recording_measure: Measure = "WER"
    words_on_silence: PerVariant[int, int] | None = None  # of early reports: behind the VAD, which dropped the sounds
    sounds: int | None = None  # sounds without speech, of the next two figures
    invented_words: PerVariant[int, int] | None = None  # on these sounds, from the model itself
    invented_words_screened: PerVariant[int, int] | None = None  # those that the screening does not drop
    failures: tuple[str, ...] = ()

    @field_validator("language_identification", "timestamps", mode="before")
    @classmethod
    def _without_interval(cls, value: Any) -> Any:
        """Drops bare shares: early reports hold them without differences and intervals."""
        bare = isinstance(value, Mapping) and any(isinstance(share, float) for share in value.values())
        return None if bare else value


class RunReport(BaseModel, frozen=True, strict=True):
    """Content of report.json. Fields with a default are missing in reports of early runs."""

    run: str
    method: Literal["finetune", "distill"] = "finetune"
    base_model: str
    corpus: str
    corpus_version: str
    language: str
    references: Literal["people", "base"] = "people"  # base: the base model wrote the reference transcripts
    split: str = "test"
    utterances: int
    words: int
    measure: Measure = "WER"  # the error rate that decides, and that `paired` compares
    normaliser: str = OLDEST.id
    train_seconds: FiniteFloat
    stock_30s: Score
    tuned_30s: Score
    tuned_adaptive: Score
    paired: PairedDifference  # tuned_adaptive minus stock_30s
    retention: Retention | None = None
    gate: GateSummary | None = None  # missing if it was switched off
    split_by: str | None = None  # how the datasets were split: given, speaker, text, recording; several with commas
    left_out: dict[str, int] | None = None  # examples that the run did not use, by reason
    leakage: str | None = None  # what the test examples share with the training examples, in one sentence

    @property
    def scores(self) -> dict[Variant, Score]:
        return {
            "stock_30s": self.stock_30s,
            "tuned_30s": self.tuned_30s,
            "tuned_adaptive": self.tuned_adaptive,
        }

    @property
    def basis(self) -> str:
        """The split, the number of examples and the normaliser of the scores."""
        return score_basis(self.split, self.utterances, self.words, self.normaliser)

    @property
    def measures(self) -> tuple[Measure, Measure]:
        """Both error rates, the one that decides first."""
        return ("WER", "CER") if self.measure == "WER" else ("CER", "WER")

    @property
    def titles(self) -> dict[Variant, str]:
        """Titles of the three models, as every table shows them."""
        return {
            "stock_30s": f"Original {self.base_model} model, {WINDOWS['stock_30s']}",
            "tuned_30s": f"Fine-tuned, {WINDOWS['tuned_30s']}",
            "tuned_adaptive": f"Fine-tuned, {WINDOWS['tuned_adaptive']}",
        }

    def to_json(self, indent: int | None = None) -> str:
        return self.model_dump_json(indent=indent, exclude_none=True)


def measured_score(report: RunReport) -> MeasuredScore:
    """Returns the figures of the fine-tuned model with adaptive context for its qal.json."""
    tuned = report.tuned_adaptive
    return MeasuredScore(
        wer=tuned.wer,
        low=tuned.wer_low,
        high=tuned.wer_high,
        cer=tuned.cer,
        cer_low=tuned.cer_low,
        cer_high=tuned.cer_high,
        measure=report.measure,
        corpus=report.corpus,
        split=report.split,
        utterances=report.utterances,
        words=report.words,
        normaliser=report.normaliser,
    )


def data_notes(report: RunReport) -> list[str]:
    """Returns whole sentences on the split of the datasets and on the examples that the run did not use."""
    methods = (report.split_by or "").split(", ")
    notes = [f"Examples are split {text}." for method, text in DESCRIPTIONS.items() if method in methods]
    if report.leakage:
        notes.append(report.leakage)
    return [*notes, f"{describe_left_out(report.left_out)}."] if report.left_out else notes


def write_report(file: Path, report: RunReport) -> None:
    file.write_text(report.to_json(indent=2), encoding="utf-8")


def read_report(file: Path) -> RunReport | None:
    """Reads a report.json; None if there is no such file.

    Raises:
        TrainingError: the file is not a report.
        OSError: the file cannot be read."""
    if not file.exists():
        return None
    if file.stat().st_size > MAX_REPORT_BYTES:
        raise TrainingError(f"{file}: larger than {MAX_REPORT_BYTES:,} bytes; it is not a report of a run")
    try:
        return RunReport.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise TrainingError(f"{file}: not a valid report; run the training again to write it") from error


def paired_sentence(measure: Measure, paired: PairedDifference) -> str:
    """Returns the paired difference in points, such as "WER -6.0 points (95 % interval -10.0 to -2.0, p 0.001)"."""
    interval = f"95 % interval {100 * paired.low:+.1f} to {100 * paired.high:+.1f}, p {paired.p:.3f}"
    return f"{measure} {100 * paired.difference:+.1f} points ({interval})"


def retention_sentences(retention: Retention) -> list[str]:
    """Returns a sentence for each dataset that was not trained on, and one for the sounds without speech."""
    sentences = [
        f"{name} (not trained on, test set, {corpus.utterances} utterances): {corpus.measure} "
        f"{100 * corpus.tuned_30s.difference:+.1f} points with {WINDOWS['tuned_30s']}, "
        f"{100 * corpus.tuned_adaptive.difference:+.1f} points with the {WINDOWS['tuned_adaptive']}, "
        "compared with the original model"
        for name, corpus in retention.corpora.items()
    ]
    invented, screened = retention.invented_words, retention.invented_words_screened
    if invented and screened:
        sentences.append(
            f"{retention.sounds} sounds without speech: {invented.tuned_adaptive} words invented "
            f"({screened.tuned_adaptive} after screening); the original model invents {invented.stock_30s} "
            f"({screened.stock_30s} after screening)"
        )
    return sentences


def print_report(report: RunReport) -> None:
    """Prints a table with the error rates, the 95 % interval of the one that decides, and the real-time factor."""
    first, second = report.measures
    print(f"\n{report.corpus} · {report.basis} · base model {report.base_model}")
    width = max(map(len, report.titles.values())) + 2
    print(f"{'':{width}}{f'{first} %':>8}{'95 % interval':>18}{f'{second} %':>8}{'RTF':>8}")
    for variant, score in report.scores.items():
        decides, other = score.error_rate(first), score.error_rate(second)
        interval = "" if decides.low is None or decides.high is None else percent_interval(decides.low, decides.high)
        print(
            f"{report.titles[variant]:{width}}{100 * decides.rate:8.1f}{interval:>18}"
            f"{100 * other.rate:8.1f}{score.rtf:8.3f}"
        )
    speedup = report.stock_30s.rtf / report.tuned_adaptive.rtf
    print(f"{paired_sentence(report.measure, report.paired)}; {speedup:.1f} times faster\n")
    for note in data_notes(report):
        print(note)
    if report.retention:
        _print_sentences(retention_sentences(report.retention), report.retention.failures, WORSE_THAN_ORIGINAL)
    if report.gate:
        _print_sentences(gate_sentences(report.gate), report.gate.failures, FAILED_GATE)


def _print_sentences(sentences: Sequence[str], failures: Sequence[str], what: str) -> None:
    """Prints sentences, and each failure in red."""
    print(*sentences, sep="\n")
    for sentence in failures:
        print(f"{RED}{what}: {sentence}{PLAIN}" if sys.stdout.isatty() else f"{what}: {sentence}")
    print(flush=True)
