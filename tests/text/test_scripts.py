"""Laws of the list of scripts without spaces."""

import pytest

from qal.text.scripts import is_written_without_spaces, share_without_spaces


@pytest.mark.parametrize("character", "今ひカｶ々〇ไລབမកㄅ\U00020000\uaa60")
def test_han_kana_thai_lao_tibetan_burmese_and_khmer_have_no_spaces(character: str):
    assert is_written_without_spaces(character)


@pytest.mark.parametrize("character", "aяبהሰⶀꬁ한ㅋक😀Ａ、。１\ue000")
def test_hangul_ethiopic_emoji_and_other_scripts_are_written_with_spaces(character: str):
    assert not is_written_without_spaces(character)


def test_share_counts_letters_alone():
    assert share_without_spaces("今天 ab, 12!") == 0.5
    assert share_without_spaces("12 !") == 0
