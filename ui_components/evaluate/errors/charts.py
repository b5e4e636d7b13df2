"""The charts of an error analysis, each with the name of the table that holds its figures."""

import numpy as np

from qal.evaluation.errors.analysis import ErrorAnalysis
from qal.evaluation.errors.confusions import substitutions
from qal.evaluation.errors.phonemes import confusion_matrix
from ui_components.evaluate.errors import figures
from ui_components.train.run.figures import Chart

GROUP_TITLES = {
    "speaker": "By speaker",
    "language": "By language",
    "duration": "By duration",
    "snr": "By signal-to-noise ratio",
    "speed": "By speed of speech",
    "source": "By source",
}


def error_charts(analysis: ErrorAnalysis) -> list[Chart]:
    """Returns the charts that have data, the overview first. A chart's name is that of its table."""
    return [*group_charts(analysis), *_rate_charts(analysis), *_confusion_charts(analysis), *_further_charts(analysis)]


def group_charts(analysis: ErrorAnalysis) -> list[Chart]:
    """Returns a chart for each breakdown of the error rate."""
    return [Chart(f"by_{by}", GROUP_TITLES[by], figures.group_figure(groups)) for by, groups in analysis.groups.items()]


def _rate_charts(analysis: ErrorAnalysis) -> list[Chart]:
    counts = analysis.found.counts
    rates = counts.errors / np.maximum(1, counts.lengths)
    return [
        Chart("by_position", "By position in the utterance", figures.position_figure(analysis.positions)),
        Chart("examples", "Utterances by error rate", figures.rate_histogram(rates, counts.measure)),
    ]


def _confusion_charts(analysis: ErrorAnalysis) -> list[Chart]:
    charts = []
    for name, title, found in (
        ("word_confusions", "Words confused most", analysis.words),
        ("character_confusions", "Characters confused most", analysis.characters),
        ("phoneme_confusions", "Phonemes confused most", analysis.phonemes.confusions if analysis.phonemes else ()),
    ):
        if pairs := substitutions(found):
            charts.append(Chart(name, title, figures.confusion_figure(pairs)))
    if analysis.phonemes and analysis.phonemes.confusions:
        matrix = figures.matrix_figure(confusion_matrix(analysis.phonemes))
        charts.append(Chart("phoneme_matrix", "Phonemes: said and written", matrix))
    return charts


def _further_charts(analysis: ErrorAnalysis) -> list[Chart]:
    charts = []
    if analysis.never_right:
        charts.append(Chart("never_right", "Words never right", figures.never_right_figure(analysis.never_right)))
    if analysis.ignored:
        charts.append(
            Chart("differences", "Error rate where a difference is ignored", figures.ignored_figure(analysis.ignored))
        )
    return charts
