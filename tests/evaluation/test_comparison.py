"""Comparisons: paired tests on common examples, Holm's correction, and the history of a model."""

from pathlib import Path

import numpy as np
import pytest

from qal.errors import EvaluationError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.breakdown import counted
from qal.evaluation.comparison.differences import common_examples, compare, difference, holm
from qal.evaluation.comparison.history import change_since, model_history
from qal.evaluation.error_rates import count_errors
from qal.evaluation.records import ROWS_FILE, Evaluation, ScoredRow, rows_writer, write_evaluation
from qal.text.normalisation.registry import SCORING, find_normaliser
from tests.evaluation.evaluated import scored_rows


def test_holm_multiplies_the_smallest_p_most_and_keeps_their_order():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_holm_keeps_the_chance_of_any_false_difference_below_alpha():
    rng = np.random.default_rng(0)
    false = sum(min(holm(rng.random(10).tolist())) < 0.05 for _ in range(2000))
    assert false / 2000 < 0.06
    assert sum(rng.random(10).min() < 0.05 for _ in range(2000)) / 2000 > 0.3  # without a correction


def test_a_difference_is_marked_where_it_was_made_and_not_elsewhere():
    good, bad = scored_rows(200, wrong_every=10), scored_rows(200, wrong_every=2)
    same = [row.model_copy(update={"audio": row.audio}) for row in good]
    results = {("base", "c"): good, ("worse", "c"): bad, ("same", "c"): same, ("base", "d"): bad, ("better", "d"): good}
    cells = {(cell.model, cell.corpus): cell for cell in compare(results, "base")}
    verdicts = {key: cell.verdict for key, cell in cells.items()}
    assert verdicts == {
        ("base", "c"): "",
        ("worse", "c"): "worse",
        ("same", "c"): "same",
        ("base", "d"): "",
        ("better", "d"): "better",
    }
    worse = cells["worse", "c"]
    assert worse.difference is not None
    assert worse.corrected_p == pytest.approx(3 * worse.difference.paired.p)


def test_the_baseline_must_have_been_scored_on_each_dataset():
    with pytest.raises(EvaluationError, match="was not evaluated on d"):
        compare({("base", "c"): scored_rows(3), ("other", "d"): scored_rows(3)}, "base")


def test_systems_are_compared_on_the_examples_that_both_have_in_any_order():
    a, b = scored_rows(20, wrong_every=2), scored_rows(20)
    found = difference(common_examples(a[5:], b[:15][::-1], SCORING))
    assert found.utterances == 10
    assert found.paired.difference == pytest.approx(5 / 80)


def test_systems_without_common_examples_or_with_other_references_are_not_compared():
    rows = scored_rows(4)
    others = [row.model_copy(update={"audio": f"other/{row.audio}"}) for row in rows]
    with pytest.raises(EvaluationError, match="no example in common"):
        common_examples(rows, others, SCORING)
    changed = [rows[0].model_copy(update={"reference": "corrected"}), *rows[1:]]
    with pytest.raises(EvaluationError, match="references of the two evaluations differ"):
        common_examples(rows, changed, SCORING)


def test_a_paired_difference_uses_the_normaliser_that_is_asked_for():
    row = ScoredRow(audio="a", reference="The colour!", hypothesis="the color", language="en", duration_s=1)
    other = row.model_copy(update={"hypothesis": "The colour!"})
    assert difference(common_examples([row], [other], find_normaliser("none"))).paired.difference == 1.0
    assert difference(common_examples([row], [other], find_normaliser("whisper-english"))).paired.difference == 0


@pytest.mark.parametrize(("differing", "smallest"), [(0, 1.0), (1, 1.0), (2, 0.5), (5, 1 / 16), (6, 1 / 32)])
def test_a_few_utterances_that_differ_are_never_certain(differing: int, smallest: float):
    references = ["a b c d"] * 40
    wrong = ["a b c x"] * differing + ["a b c d"] * (40 - differing)
    a, b = count_errors(references, wrong), count_errors(references, references)
    assert paired_difference(a, b, np.random.default_rng(0)).p >= smallest


def test_two_draws_of_one_system_rarely_differ_significantly():
    rng = np.random.default_rng(5)
    references = ["a b c d e f g h"] * 150
    calls = 0
    for _ in range(60):
        systems = [["x b c d e f g h" if rng.random() < 0.3 else r for r in references] for _ in range(2)]
        a, b = (count_errors(references, system) for system in systems)
        calls += paired_difference(a, b, rng).p < 0.05
    assert calls <= 7


def stored(
    store: Path,
    name: str,
    started: float,
    rows: list[ScoredRow],
    model: str = "m",
    corpus: str = "c",
    corpus_version: str = "",
) -> None:
    evaluation = Evaluation(id=name, model=model, corpus=corpus, corpus_version=corpus_version, started=started)
    write_evaluation(store / name, evaluation)
    with rows_writer(store / name) as writer:
        for row in rows:
            writer.append(row)


def test_a_history_lists_a_model_over_versions_with_the_change_on_common_examples(tmp_path: Path):
    bad, good = scored_rows(40, wrong_every=2), scored_rows(40, wrong_every=20)
    corrected = [good[0].model_copy(update={"reference": "a corrected reference"}), *good[1:]]
    stored(tmp_path, "second", 2.0, corrected, corpus_version="v2")
    stored(tmp_path, "first", 1.0, bad, corpus_version="v1")
    stored(tmp_path, "other-model", 3.0, bad, model="other")
    stored(tmp_path, "other-corpus", 4.0, good, corpus="d")
    stored(tmp_path, "empty", 5.0, [])
    stored(tmp_path, "damaged", 6.0, good)
    (tmp_path / "damaged" / ROWS_FILE).write_text("{\n{\n")
    history = model_history(tmp_path, "m")
    assert [entry.stored.folder.name for entry in history] == ["first", "second", "other-corpus"]
    assert [entry.change and entry.change.utterances for entry in history] == [None, 39, None]
    assert history[1].change is not None
    assert history[1].change.paired.high < 0
    assert model_history(tmp_path / "none", "m") == []


def test_no_change_is_told_where_no_reference_stayed_the_same():
    rows = scored_rows(3)
    assert change_since([], rows) is None
    assert change_since([row.model_copy(update={"reference": "other"}) for row in rows], rows) is None
    assert counted(rows).counts.wer == 0
