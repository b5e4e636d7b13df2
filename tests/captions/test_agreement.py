import pytest

from qal.captions.agreement import LocalAgreement, remove_loop
from qal.text.scripts import split_words


def test_words_are_committed_when_two_successive_transcripts_agree():
    agreement = LocalAgreement()
    tentative = [agreement.add_transcript(text) for text in ("Your call", "Your cold is", "Your cold is important")]
    assert [t.committed for t in tentative] == ["", "Your", "Your cold is"]
    assert [t.text for t in tentative] == ["Your call", "Your cold is", "Your cold is important"]


def test_agreement_ignores_case_and_punctuation_and_keeps_the_first_spelling():
    agreement = LocalAgreement()
    for text in ("Hello world", "Hello, world.", "hello world again"):
        tentative = agreement.add_transcript(text)
    assert tentative.committed == "Hello, world."
    assert tentative.text == "Hello, world. again"


def test_shorter_or_different_transcript_removes_no_committed_word():
    agreement = LocalAgreement()
    for text in ("one two three", "one two three", "one", "four five six seven"):
        tentative = agreement.add_transcript(text)
        assert tentative.text.startswith(tentative.committed)
    assert tentative.text == "one two three seven"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("here it is, here it is, here it is, here", "here it is,"),
        ("no no no no", "no"),
        ("very very good", "very very good"),
        ("a b c d e f", "a b c d e f"),
    ],
)
def test_repetition_loop_is_not_committed(text: str, expected: str):
    assert "".join(remove_loop(split_words(text))) == expected
    agreement = LocalAgreement()
    agreement.add_transcript(text)
    assert agreement.add_transcript(text).committed == expected


@pytest.mark.parametrize("text", ["ሰላም ለሁላችሁም፤ ዛሬ", "我们走吧 now", "สวัสดี", " two  spaces", ""])
def test_joined_words_equal_the_text(text: str):
    assert "".join(split_words(text)) == text


def test_scripts_without_spaces_are_committed_character_by_character():
    agreement = LocalAgreement()
    agreement.add_transcript("我们走")
    assert agreement.add_transcript("我们去吧").committed == "我们"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("아버지가 방에", ["아버지가", " 방에"]),
        ("ⶀⶁ ꬁꬂ", ["ⶀⶁ", " ꬁꬂ"]),
        ("well😀done", ["well😀done"]),
        ("Ｆｕｌｌ ｗｉｄｔｈ", ["Ｆｕｌｌ", " ｗｉｄｔｈ"]),
        ("我们go", ["我", "们", "go"]),
        ("カタ ｶﾀ", ["カ", "タ", " ｶ", "ﾀ"]),
        ("ที่ไป", ["ที่", "ไ", "ป"]),
        ("བོད", ["བོ", "ད"]),
    ],
)
def test_only_scripts_without_spaces_are_split_into_characters(text: str, words: list[str]):
    """Hangul, Ethiopic Extended and emoji are written with spaces; a combining mark stays with its letter."""
    assert split_words(text) == words


def test_characters_that_differ_in_their_marks_alone_do_not_agree():
    agreement = LocalAgreement()
    agreement.add_transcript("มามี")
    assert agreement.add_transcript("มามือ").committed == "มา"
