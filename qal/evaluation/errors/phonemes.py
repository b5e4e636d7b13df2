"""Phonemes that a model confuses: the pronunciations of wrong words, aligned by the similarity of their phonemes.

    reference   the ship     ð ə  ʃ ɪ p
    hypothesis  the sheep    ð ə  ʃ iː p      ɪ was written as iː

Only stretches of wrong words are compared; right words count as recognised phonemes. A phoneme is paired with a similar
one rather than counted as missing and another as added."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from rapidfuzz.distance import Levenshtein

from qal.corpus.split import evenly_spaced
from qal.errors import EvaluationError
from qal.evaluation.breakdown import Counted
from qal.evaluation.errors.confusions import Confusion, Occurrence, confusions
from qal.evaluation.errors.edits import AlignedRow, Edit
from qal.text.phonemes import Phonemes, distance, pronunciations

MAX_ROWS = 1000  # spread evenly, so that the time is bounded
MAX_COMPARED = 40_000  # pairs of phonemes of one stretch; a longer stretch is aligned without similarity
GAP_COST = 0.3  # of a missing or an added phoneme; two that differ in more than 60 % of their features are not paired
ROUNDING = 1e-9  # of sums of costs
SHOWN = 24  # phonemes of the matrix


@dataclass(frozen=True)
class PhonemeErrors:
    """The phonemes of the references and what they were written as."""

    confusions: tuple[Confusion, ...]  # the most frequent first; "" for a missing or an added phoneme
    said: Mapping[str, int]  # occurrences of each phoneme in the references
    rows: int  # that were compared
    left_out: Mapping[str, int]  # rows by the reason why they were not

    @property
    def distances(self) -> dict[tuple[str, str], float]:
        """The distance of each confused pair by articulatory features, 0 to 1."""
        pairs = [(c.reference, c.hypothesis) for c in self.confusions if c.reference and c.hypothesis]
        return {pair: distance(*pair) for pair in pairs}


@dataclass(frozen=True)
class ConfusionMatrix:
    """How often each phoneme of the references (rows) was written as each one (columns); "" is none.

    `counts` has the shape (references, hypotheses); recognised phonemes are on the diagonal."""

    references: tuple[str, ...]
    hypotheses: tuple[str, ...]
    counts: np.ndarray


def phoneme_errors(found: Counted, aligned: Sequence[AlignedRow], max_rows: int = MAX_ROWS) -> PhonemeErrors:
    """Compares the pronunciations of references and transcripts.

    Args:
        found: the rows.
        aligned: their alignment.
        max_rows: at most that many, spread evenly.

    Raises:
        EvaluationError: espeak-ng is missing, or cannot pronounce any of the languages.
    """
    by_language: dict[str, list[AlignedRow]] = {}
    for row in evenly_spaced(list(aligned), max_rows):
        by_language.setdefault(found.rows[row.index].language, []).append(row)
    occurrences: list[Occurrence] = []
    said: Counter[str] = Counter()
    problems: dict[str, int] = {}
    for language, rows in by_language.items():
        try:
            spoken = _pronunciations(rows, language)
        except EvaluationError as error:
            problems[str(error)] = len(rows)
            continue
        for row in rows:
            said.update(phoneme for word in row.reference for phoneme in spoken[word])
            occurrences += _row_occurrences(row, spoken)
    if len(problems) == len(by_language) and problems:
        raise EvaluationError(next(iter(problems)))
    compared = min(len(aligned), max_rows) - sum(problems.values())
    return PhonemeErrors(tuple(confusions(occurrences)), said, compared, problems)


def _pronunciations(rows: Sequence[AlignedRow], language: str) -> Mapping[str, Phonemes]:
    if not language:
        raise EvaluationError("phonemes need the language of the examples; evaluate with a language")
    return pronunciations({word for row in rows for word in (*row.reference, *row.hypothesis)}, language)


def confusion_matrix(errors: PhonemeErrors, shown: int = SHOWN) -> ConfusionMatrix:
    """Returns the matrix of the phonemes with most errors, similar ones side by side.

    Args:
        errors: the errors.
        shown: at most that many phonemes."""
    wrong: Counter[str] = Counter()
    for confusion in errors.confusions:
        for phoneme in {confusion.reference, confusion.hypothesis} - {""}:
            wrong[phoneme] += confusion.count
    phonemes = similar_order([phoneme for phoneme, _ in wrong.most_common(shown)])
    axis = {phoneme: i for i, phoneme in enumerate([*phonemes, ""])}
    counts = np.zeros((len(axis), len(axis)), np.int64)
    for phoneme in phonemes:
        missed = sum(c.count for c in errors.confusions if c.reference == phoneme)
        counts[axis[phoneme], axis[phoneme]] = errors.said.get(phoneme, 0) - missed
    for confusion in errors.confusions:
        if confusion.reference in axis and confusion.hypothesis in axis:
            counts[axis[confusion.reference], axis[confusion.hypothesis]] += confusion.count
    names = (*phonemes, "")
    return ConfusionMatrix(names, names, counts)


def similar_order(phonemes: Sequence[str]) -> list[str]:
    """Returns the phonemes in an order in which each is followed by the most similar one that is left."""
    left, ordered = list(phonemes), []
    while left:
        following = min(left, key=lambda p: distance(ordered[-1], p)) if ordered else left[0]
        left.remove(following)
        ordered.append(following)
    return ordered


def _row_occurrences(row: AlignedRow, spoken: Mapping[str, Phonemes]) -> Iterable[Occurrence]:
    for stretch in stretches(row.edits):
        reference = [phoneme for edit in stretch for phoneme in spoken.get(edit.reference, ())]
        hypothesis = [phoneme for edit in stretch for phoneme in spoken.get(edit.hypothesis, ())]
        yield from (Occurrence(a, b, row.index) for a, b in align_phonemes(reference, hypothesis) if a != b)


def stretches(edits: Sequence[Edit]) -> list[list[Edit]]:
    """Splits the edits of a row where right words stand between them."""
    ends = np.cumsum([bool(edit.reference) for edit in edits])  # words of the reference among the edits so far
    keys = [edit.position - int(end) + bool(edit.reference) for edit, end in zip(edits, ends, strict=True)]
    numbered = zip(keys, edits, strict=True)
    return [[edit for _, edit in group] for _, group in groupby(numbered, key=lambda pair: pair[0])]


def align_phonemes(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs phonemes with the smallest sum of distances and gaps; "" for a missing side.

    costs[i, j] is the smallest sum for the first i phonemes of the reference and the first j of the hypothesis."""
    m, n = len(reference), len(hypothesis)
    if m * n > MAX_COMPARED:
        return _align_equal(reference, hypothesis)
    costs = [[GAP_COST * (i + j) for j in range(n + 1)] for i in range(m + 1)]
    for i, said in enumerate(reference):
        for j, written in enumerate(hypothesis):
            paired = costs[i][j] + _substitution_cost(said, written)
            costs[i + 1][j + 1] = min(paired, costs[i][j + 1] + GAP_COST, costs[i + 1][j] + GAP_COST)
    return _path(costs, reference, hypothesis)


def _substitution_cost(said: str, written: str) -> float:
    return 0.0 if said == written else distance(said, written)


def _path(costs: list[list[float]], reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[str, str]]:
    """Returns the pairs of the cheapest path; of equally cheap ones, pairs rather than gaps."""
    i, j = len(reference), len(hypothesis)
    pairs = []
    while i and j:
        paired = costs[i - 1][j - 1] + _substitution_cost(reference[i - 1], hypothesis[j - 1])
        if paired <= costs[i][j] + ROUNDING:
            i, j = i - 1, j - 1
            pairs.append((reference[i], hypothesis[j]))
        elif costs[i - 1][j] <= costs[i][j - 1]:
            i -= 1
            pairs.append((reference[i], ""))
        else:
            j -= 1
            pairs.append(("", hypothesis[j]))
    pairs += [(phoneme, "") for phoneme in reference[:i][::-1]] + [("", phoneme) for phoneme in hypothesis[:j][::-1]]
    return pairs[::-1]


def _align_equal(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for operation in Levenshtein.editops(reference, hypothesis):
        said = "" if operation.tag == "insert" else reference[operation.src_pos]
        written = "" if operation.tag == "delete" else hypothesis[operation.dest_pos]
        pairs.append((said, written))
    return pairs
