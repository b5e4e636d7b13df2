import pytest

from qal.evaluation.breakdown import counted
from qal.evaluation.errors.edits import align_rows
from qal.evaluation.errors.ignoring import Ignored, ignored_differences
from qal.evaluation.records import ScoredRow


def ignored(*rows: tuple[str, str, str]) -> dict[str, Ignored]:
    found = counted(
        [ScoredRow(audio="a", reference=r, hypothesis=h, language=language, duration_s=1) for r, h, language in rows]
    )
    return {result.name: result for result in ignored_differences(found, align_rows(found))}


def test_tone_errors_are_told_apart_from_other_diacritics():
    found = ignored(("tiếng việt đẹp", "tiêng viet mẹ", "vi"))
    tone, marks = found["tone marks"], found["diacritics"]
    assert (tone.substitutions, tone.vanishing, tone.rate) == (3, 1, 1.0)
    assert tone.rate_ignoring == pytest.approx(2 / 3)
    assert (marks.vanishing, marks.rate_ignoring) == (2, pytest.approx(1 / 3))
    assert [(pair.reference, pair.hypothesis) for pair in tone.pairs] == [("tiếng", "tiêng")]
    assert (tone.rows, tone.share) == ((0,), pytest.approx(1 / 3))


def test_amharic_errors_in_affixes_are_told_apart_from_errors_in_stems():
    found = ignored(("የቤታችን ልጅ ሰበረ", "የቤታቸው ልብ ይሰብራል", "am"))
    affixes, vowels = found["affixes"], found["affixes and vowel pattern"]
    assert (affixes.substitutions, affixes.vanishing, vowels.vanishing) == (3, 1, 2)
    assert (affixes.rate, affixes.rate_ignoring, vowels.rate_ignoring) == (
        1.0,
        pytest.approx(2 / 3),
        pytest.approx(1 / 3),
    )
    assert affixes.pairs[0].reference == "የቤታችን"


def test_differences_that_no_row_can_have_are_left_out():
    assert ignored(("plain words", "plain swords", "en")) == {}
    assert set(ignored(("déjà vu", "deja vu", "fr"))) == {"diacritics"}


def test_only_rows_that_can_have_a_difference_count_for_it():
    found = ignored(("plain words", "plain swords", "en"), ("ẹ̀kọ́", "ẹkọ", "yo"))["tone marks"]
    assert (found.among, found.rate, found.rate_ignoring, found.rows) == ((1,), 1.0, 0.0, (1,))
