"""Laws of the count of words in a transcript."""

import pytest

from qal.corpus.words import count_words
from qal.evaluation.error_rates import count_errors

THOUSAND_ROUBLES = "\u043e\u043a\u043e\u043b\u043e 1 000 \u0440\u0443\u0431\u043b\u0435\u0439"


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [(THOUSAND_ROUBLES, "ru", 3), ("Well … yes!", "en", 2), ("♪", None, 0)],
)
def test_words_are_counted_as_they_are_scored_in_their_language(text, language, words):
    assert count_words(text, language) == words
    assert count_errors([text], [""], language).words.sum() == words
