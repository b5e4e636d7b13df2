"""The report of a training run (report.json): one model through which every module writes and reads it.

Error rates are shares, not percents. A difference is the fine-tuned model's rate minus the original model's."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, FiniteFloat, ValidationError, field_validator

from qal.corpus.left_out import describe_left_out
from qal.corpus.split_assignment import DESCRIPTIONS
from qal.errors import TrainingError

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
    """Error rates of one model with the 95 % interval of its WER; `rtf` is seconds of computation per audio second."""

    wer: FiniteFloat
    wer_low: FiniteFloat
    wer_high: FiniteFloat
    cer: FiniteFloat
    rtf: FiniteFloat


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
    wer: FiniteFloat


class TunedWer(PairedDifference, frozen=True):
    """WER with its paired difference to the original model."""

    wer: FiniteFloat


class OriginalShare(Figures, frozen=True):
    share: FiniteFloat


class TunedShare(PairedDifference, frozen=True):
    """Share of successes; the paired difference compares the shares of failures."""

    share: FiniteFloat


class CorpusRetention(PerVariant[OriginalWer, TunedWer], frozen=True):
    """WER on one corpus that was not trained on."""

    utterances: int


ShareRetention = PerVariant[OriginalShare, TunedShare]


class Retention(BaseModel, frozen=True, strict=True):
    """Comparison with the original model on audio that was not trained on.

    `failures` holds one sentence for each loss beyond its limit."""

    corpora: dict[str, CorpusRetention] = {}
    language_identification: ShareRetention | None = None
    timestamps: ShareRetention | None = None
    long_recording: PerVariant[FiniteFloat, FiniteFloat] | None = None  # WER
    words_on_silence: PerVariant[int, int] | None = None
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
    utterances: int
    words: int
    train_seconds: FiniteFloat
    stock_30s: Score
    tuned_30s: Score
    tuned_adaptive: Score
    paired: PairedDifference  # tuned_adaptive minus stock_30s
    retention: Retention | None = None
    split_by: str | None = None  # how the datasets were split: given, speaker, text; several with commas
    left_out: dict[str, int] | None = None  # examples that the run did not use, by reason

    @property
    def scores(self) -> dict[Variant, Score]:
        return {
            "stock_30s": self.stock_30s,
            "tuned_30s": self.tuned_30s,
            "tuned_adaptive": self.tuned_adaptive,
        }

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


def data_notes(report: RunReport) -> list[str]:
    """Returns whole sentences on the split of the datasets and on the examples that the run did not use."""
    methods = (report.split_by or "").split(", ")
    notes = [f"Examples are split {text}." for method, text in DESCRIPTIONS.items() if method in methods]
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


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def percent_interval(low: float, high: float) -> str:
    return f"{100 * low:.1f} – {100 * high:.1f}"


def print_report(report: RunReport) -> None:
    """Prints a table with WER in percent, its 95 % interval, CER and the real-time factor (RTF)."""
    print(
        f"\n{report.corpus} · test set: {report.utterances} utterances, {report.words} words · "
        f"base model {report.base_model}"
    )
    width = max(map(len, report.titles.values())) + 2
    print(f"{'':{width}}{'WER %':>8}{'95 % interval':>18}{'CER %':>8}{'RTF':>8}")
    for variant, score in report.scores.items():
        interval = percent_interval(score.wer_low, score.wer_high)
        print(
            f"{report.titles[variant]:{width}}{100 * score.wer:8.1f}{interval:>18}"
            f"{100 * score.cer:8.1f}{score.rtf:8.3f}"
        )
    paired, speedup = report.paired, report.stock_30s.rtf / report.tuned_adaptive.rtf
    interval = f"95 % interval {100 * paired.low:+.1f} to {100 * paired.high:+.1f}, p {paired.p:.3f}"
    print(f"WER {100 * paired.difference:+.1f} points ({interval}); {speedup:.1f} times faster\n")
    for note in data_notes(report):
        print(note)
    if report.retention:
        print_retention(report.retention)
    sys.stdout.flush()


def print_retention(retention: Retention) -> None:
    """Prints the change of WER on other datasets, and each failure in red."""
    for name, corpus in retention.corpora.items():
        print(
            f"{name} (not trained on): WER {100 * corpus.tuned_30s.difference:+.1f} points with "
            f"{WINDOWS['tuned_30s']}, {100 * corpus.tuned_adaptive.difference:+.1f} points with the "
            f"{WINDOWS['tuned_adaptive']}, compared with the original model"
        )
    for sentence in retention.failures:
        warning = f"{WORSE_THAN_ORIGINAL}: {sentence}"
        print(f"{RED}{warning}{PLAIN}" if sys.stdout.isatty() else warning)
    print(flush=True)
