import pytest

from qal.text.amharic_stems import consonants_and_vowels, root, stem


@pytest.mark.parametrize(
    "family",
    [
        "ቤት ቤቶች ቤቴ ቤቱ ቤቷ ቤትን ለቤት ከቤቱ የቤታችን በቤቶቻቸው",
        "ተማሪ ተማሪዎች ተማሪው የተማሪዎቹ ተማሪዎችን",
        "ልጅ ልጆች ልጄ ልጁ የልጆቹ",
        "ሄደ ሄዱ ሄደች ሄድኩ አልሄደም እየሄደች ሲሄድ ይሄዳል ትሄዳለች አይሄድም እንደሄደ የሄደው",
        "ሰበረ ሰበሩ ሰበረች አልሰበረም",
    ],
)
def test_inflected_forms_of_an_amharic_word_have_one_stem(family):
    assert len({stem(word) for word in family.split()}) == 1


def test_letters_of_one_sound_give_one_stem():
    assert stem("መንግሥት") == stem("መንግስት")
    assert stem("ሥራዎች") == stem("ስራ")


def test_stems_of_different_words_differ():
    words = ["ቤት", "ተማሪ", "ልጅ", "ሄደ", "ሰበረ", "አገር", "ኢትዮጵያ", "መንግስት", "ጊዜ", "ትምህርት", "ሰላም", "አበባ", "ውሃ"]
    assert len({stem(word) for word in words}) == len(words)


def test_root_of_a_verb_does_not_depend_on_its_vowels():
    assert stem("ሰበረ") != stem("ይሰብራል")
    assert {root(word) for word in ("ሰበረ", "ይሰብራል", "መስበር")} == {"ስብር"}


def test_words_of_other_scripts_are_their_own_stem():
    assert [stem(word) for word in ("house", "2024", "", "дом")] == ["house", "2024", "", "дом"]
    assert root("house") == "house"


def test_syllables_are_written_as_consonant_and_vowel():
    assert consonants_and_vowels("ቤቶች") == "ብeትoች"
