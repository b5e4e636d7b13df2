"""A text becomes sentences that can be read in one breath."""

import pytest

from qal.corpus.recording.sentences import split_sentences
from qal.corpus.recording.takes import MAX_SENTENCE_CHARACTERS
from qal.errors import CorpusError


def test_each_line_is_a_sentence_and_a_repeated_one_is_kept_once():
    assert split_sentences("One.\n\n  Two   words. \none\n---\nThree") == ["One.", "Two words.", "Three"]


def test_long_line_is_split_at_the_ends_of_sentences_clauses_and_words():
    sentence = "This is a sentence of a paragraph that someone pasted, number {}."
    paragraph = " ".join(sentence.format(i) for i in range(9))
    assert split_sentences(paragraph) == [sentence.format(i) for i in range(9)]
    clauses = (
        ", ".join(f"clause {i} is not very long" for i in range(40)) + "\n" + " ".join(f"w{i}" for i in range(100))
    )
    parts = split_sentences(clauses)
    assert max(map(len, parts)) <= MAX_SENTENCE_CHARACTERS
    assert " ".join(parts).split() == [*clauses.replace("\n", " ").split()]


def test_text_with_too_few_sentences_is_refused():
    for text in ("", "One.\nTwo.", "...\n!!!\n???"):
        with pytest.raises(CorpusError, match="fewer than 3"):
            split_sentences(text)
