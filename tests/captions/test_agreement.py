import pytest

from qal.captions.agreement import Agreement, split_words, without_loop


def test_words_are_committed_when_two_readings_agree():
    agreement = Agreement()
    readings = [agreement.read(text) for text in ("Your call", "Your cold is", "Your cold is important")]
    assert [r.committed for r in readings] == ["", "Your", "Your cold is"]
    assert [r.text for r in readings] == ["Your call", "Your cold is", "Your cold is important"]


def test_case_and_punctuation_do_not_hinder_agreement_and_the_first_spelling_stays():
    agreement = Agreement()
    for text in ("Hello world", "Hello, world.", "hello world again"):
        reading = agreement.read(text)
    assert reading.committed == "Hello, world."
    assert reading.text == "Hello, world. again"


def test_a_shorter_or_different_reading_takes_nothing_back():
    agreement = Agreement()
    for text in ("one two three", "one two three", "one", "four five six seven"):
        reading = agreement.read(text)
        assert reading.text.startswith(reading.committed)
    assert reading.text == "one two three seven"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("here it is, here it is, here it is, here", "here it is,"),
        ("no no no no", "no"),
        ("very very good", "very very good"),
        ("a b c d e f", "a b c d e f"),
    ],
)
def test_a_loop_is_not_committed(text: str, kept: str):
    assert "".join(without_loop(split_words(text))) == kept
    agreement = Agreement()
    agreement.read(text)
    assert agreement.read(text).committed == kept


@pytest.mark.parametrize("text", ["ሰላም ለሁላችሁም፤ ዛሬ", "我们走吧 now", "สวัสดี", " two  spaces", ""])
def test_the_words_joined_are_the_text(text: str):
    assert "".join(split_words(text)) == text


def test_scripts_without_spaces_are_committed_sign_by_sign():
    agreement = Agreement()
    agreement.read("我们走")
    assert agreement.read("我们去吧").committed == "我们"
