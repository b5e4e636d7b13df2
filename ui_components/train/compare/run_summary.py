"""The results of a run, and what they rest on, for the tables of the Compare tab."""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

from qal.evaluation.report import Score
from qal.jobs.index import Entry, Progress
from qal.text.error_measure import ErrorRate
from ui_components.train.run.view import STATE_LABELS, corpus_names


@dataclass(frozen=True)
class RunSummary:
    """A run with the summary of its metrics."""

    entry: Entry
    progress: Progress

    @property
    def test_score(self) -> Score | None:
        """Test results of the fine-tuned model with adaptive context; None without a report."""
        return self.entry.report.tuned_adaptive if self.entry.report else None

    @property
    def test_rate(self) -> ErrorRate | None:
        """The error rate that decides, on the test set."""
        report, score = self.entry.report, self.test_score
        return score.error_rate(report.measure) if report and score else None

    @property
    def test_cer(self) -> ErrorRate | None:
        return self.test_score.error_rate("CER") if self.test_score else None

    @property
    def test_set(self) -> Hashable:
        """A key of what the test results rest on; only runs with the same key are compared. None without a report."""
        r = self.entry.report
        if not r:
            return None
        examples = r.corpus, r.corpus_version, r.split, r.utterances, r.words, r.references, r.language
        return *examples, r.normaliser, r.measure

    @property
    def rtf(self) -> float | None:
        return self.test_score.rtf if self.test_score else None

    @property
    def validation_rate(self) -> ErrorRate | None:
        """The lowest error rate of all validations, in the measure that decides."""
        return self.progress.best.error_rate if self.progress.best else None

    @property
    def validation_set(self) -> Hashable:
        """A key of what the validation results rest on; only runs with the same key are compared."""
        best, config = self.progress.best, self.entry.config
        if not best or not config:
            return None
        examples = tuple(sorted(config.corpus)), config.language, config.max_utterance_s, config.method, best.examples
        return *examples, best.measure, best.basis

    @property
    def train_minutes(self) -> float | None:
        return self.progress.train_s / 60 or None

    @property
    def state(self) -> str:
        return STATE_LABELS[self.entry.status.state]

    @property
    def base(self) -> str:
        config = self.entry.config
        return (Path(config.base).name or config.base) if config else ""

    @property
    def corpora(self) -> str:
        return ", ".join(corpus_names(self.entry.config)) if self.entry.config else ""
