"""Runs a regression suite: each model on each dataset, compared with its baseline and its bounds."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from qal.errors import OptionError
from qal.evaluation.breakdown import Figures, counted, figures
from qal.evaluation.comparison.differences import ALPHA, common_examples, difference
from qal.evaluation.report import paired_sentence
from qal.evaluation.stored import Request, StoredEvaluation
from qal.jobs.suites.suite_file import Suite, SuiteCorpus
from qal.text.error_measure import percent
from qal.text.normalisation.registry import find_normaliser

Transcribe = Callable[[Request], StoredEvaluation]


class Check(NamedTuple):
    """One condition of a suite and whether a model meets it."""

    met: bool
    sentence: str


class SuiteResult(NamedTuple):
    """A model on a dataset of a suite."""

    model: str
    corpus: str
    stored: StoredEvaluation
    figures: Figures
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.met for check in self.checks)


def run_suite(suite: Suite, transcribe: Transcribe, models: Sequence[str] = ()) -> Iterator[SuiteResult]:
    """Yields the result of each model on each dataset.

    Args:
        suite: the suite.
        transcribe: returns the evaluation of a request, a stored one or a new one.
        models: the models to check; (): those of the suite.

    Raises:
        OptionError: no model is named.
        QalError: a model or a dataset cannot be used."""
    models = list(models) or suite.models
    if not models:
        raise OptionError("the suite names no model; add `models:` to it, or name one with --models")
    for corpus in suite.corpora:
        name = suite.baseline_of(corpus)
        baseline = transcribe(suite.request(name, corpus)) if name else None
        for model in models:
            yield _check(suite, corpus, transcribe(suite.request(model, corpus)), baseline)


def _check(
    suite: Suite, corpus: SuiteCorpus, found: StoredEvaluation, baseline: StoredEvaluation | None
) -> SuiteResult:
    total = figures(counted(found.rows, find_normaliser(suite.normaliser)))
    checks = [compared_with_baseline(suite, corpus, found, baseline)] if baseline else []
    if corpus.max_rate is not None:
        rate = total.deciding.rate
        sentence = f"{total.measure} {percent(rate)}, at most {percent(corpus.max_rate)}"
        checks.append(Check(rate <= corpus.max_rate, sentence))
    if corpus.max_rtf is not None:
        checks.append(_check_speed(total, corpus.max_rtf))
    return SuiteResult(found.evaluation.model, found.evaluation.corpus, found, total, tuple(checks))


def compared_with_baseline(
    suite: Suite, corpus: SuiteCorpus, found: StoredEvaluation, baseline: StoredEvaluation
) -> Check:
    """Checks that the paired difference to the baseline is not wholly above the allowed loss."""
    pair = common_examples(found.rows, baseline.rows, find_normaliser(suite.normaliser))
    paired = difference(pair).paired
    change = paired_sentence(pair.system.counts.measure, paired)
    allowed = f", of which {100 * corpus.max_loss:g} points are allowed" if corpus.max_loss else ""
    met = paired.low <= corpus.max_loss or paired.p >= ALPHA  # the interval of a few utterances is too narrow
    verdict = "not worse than" if met else "worse than"
    return Check(met, f"{verdict} {baseline.evaluation.model}: {change}{allowed}, {len(pair.system.rows)} examples")


def _check_speed(total: Figures, max_rtf: float) -> Check:
    if total.rtf is None:
        return Check(True, "the real-time factor was not measured here")
    return Check(total.rtf <= max_rtf, f"RTF {total.rtf:.3f}, at most {max_rtf:g}")


def result_json(result: SuiteResult) -> dict[str, Any]:
    rate = result.figures.deciding
    return {
        "model": result.model,
        "corpus": result.corpus,
        "evaluation": str(result.stored.folder),
        "utterances": result.figures.utterances,
        "words": result.figures.words,
        "measure": rate.measure,
        "rate": round(rate.rate, 5),
        "low": round(rate.low, 5),
        "high": round(rate.high, 5),
        "passed": result.passed,
        "checks": [check._asdict() for check in result.checks],
    }


def result_lines(result: SuiteResult) -> list[str]:
    """Returns the result of a model on a dataset, with a line for each condition."""
    rate = result.figures.deciding.error_rate.named_text
    total = result.figures
    lines = [f"{result.model} on {result.corpus}: {rate}, {total.utterances:,} utterances, {total.words:,} words"]
    return lines + [f"  {'ok    ' if check.met else 'FAILED'}  {check.sentence}" for check in result.checks]
