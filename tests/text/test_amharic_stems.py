from itertools import combinations

from qal.text.amharic_stems import consonants_and_vowels, root, stem

FAMILIES = [
    family.split()
    for family in (
        "ቤት ቤቶች ቤቴ ቤቱ የቤታችን በቤቶቻቸው ቤትን ለቤት ከቤቱ ቤቷ",
        "ተማሪ ተማሪዎች ተማሪው የተማሪዎቹ ተማሪዎችን",
        "ሄደ አልሄደም እየሄደች ሄዱ ሄደች ሲሄድ ይሄዳል እንደሄደ ሄድኩ የሄደው ትሄዳለች መሄድ አይሄድም",
        "ሰበረ ሰበሩ ሰበረች አልሰበረም",
        "አገር አገሮች በአገር",
        "ኢትዮጵያ የኢትዮጵያ ኢትዮጵያን በኢትዮጵያ",
        "መንግስት መንግሥት የመንግስት መንግስታት",
        "ልጅ ልጆች ልጄ ልጁ የልጆቹ ልጅሽ",
        "ነበር ነበሩ",
        "ስራ ሥራ ስራው በስራ የስራ ስራዎች",
        "ጊዜ በጊዜ ጊዜው ጊዜያት",
        "ትምህርት በትምህርት የትምህርት",
    )
]


def test_inflected_forms_of_an_amharic_word_have_one_stem():
    same = [stem(a) == stem(b) for family in FAMILIES for a, b in combinations(family, 2)]
    assert len(same) == 194
    assert sum(same) >= 189  # without a dictionary, an ending of a single consonant stays on a short stem


def test_forms_of_different_amharic_words_have_different_stems():
    for one, other in combinations(FAMILIES, 2):
        assert not {stem(word) for word in one} & {stem(word) for word in other}


def test_letters_of_one_sound_give_one_stem():
    assert stem("መንግሥት") == stem("መንግስት")
    assert stem("ሥራዎች") == stem("ስራ")


def test_root_of_a_verb_does_not_depend_on_its_vowels():
    assert stem("ሰበረ") != stem("ይሰብራል")
    assert {root(word) for word in ("ሰበረ", "ይሰብራል", "መስበር")} == {"ስብር"}


def test_words_of_other_scripts_are_their_own_stem():
    assert [stem(word) for word in ("house", "2024", "", "дом")] == ["house", "2024", "", "дом"]
    assert root("house") == "house"


def test_syllables_are_written_as_consonant_and_vowel():
    assert consonants_and_vowels("ቤቶች") == "ብeትoች"
