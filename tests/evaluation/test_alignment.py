import pytest

from evaluation.alignment import Piece, align


def marks(said: str, heard: str) -> str:
    """= same, ~ another, + more, - missing"""
    signs = {(True, True): "~", (False, True): "+", (True, False): "-"}
    return "".join("=" if p.same else signs[bool(p.said), bool(p.heard)] for p in align(said, heard))


@pytest.mark.parametrize(
    ("said", "heard", "found"),
    [
        ("one two three", "one two three", "==="),
        ("One, two: three!", "one two three", "==="),
        ("one two three", "one too three", "=~="),
        ("one two three", "one three", "=-="),
        ("one three", "one two three", "=+="),
        ("", "one two", "++"),
        ("one two", "", "--"),
        ("", "", ""),
        ("ሰላም ዓለም", "ሰላም አለም", "=~"),
    ],
)
def test_the_fewest_edits_are_found(said, heard, found):
    assert marks(said, heard) == found


def test_each_side_keeps_what_it_wrote():
    assert align("It's — said he", "its said, she") == [
        Piece("It's —", "its", True),
        Piece("said", "said,", True),
        Piece("he", "she", False),
    ]


@pytest.mark.parametrize("text", ["Hello — world", "a b c", "«Ja», sagte er …"])
def test_nothing_that_was_heard_is_lost(text):
    assert " ".join(p.heard for p in align("something else entirely", text) if p.heard) == text
