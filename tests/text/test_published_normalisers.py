"""Whisper's own normalisers give what the published code gives, so that figures can be put beside published ones."""

import json
import random
import subprocess
import sys
from importlib.resources import files

import pytest

from qal.evaluation.error_rates import count_errors
from qal.text.normalisation.registry import find_normaliser

WHISPER_ENGLISH = [  # the kinds of OpenAI's own tests of its normaliser: contractions, names, currencies, numbers
    ("Let's go, she'll wait", "let us go she will wait"),
    ("we're not what they've seen", "we are not what they have seen"),
    ("he'd been there, she's gone", "he had been there she has gone"),
    ("I can't, won't and shan't", "i can not will not and sha not"),
    ("Mr. Park and Dr. Jones", "mister park and doctor jones"),
    ("hmm, uh, the colour of the theatre", "the color of the theater"),
    ("[laughter] he organised it (sighs)", "he organized it"),
    ("two hundred and thirty-five", "235"),
    ("one oh one", "101"),
    ("twenty twenty five", "2025"),
    ("nineteen eighties", "1980s"),
    ("the 3rd and the twenty-first", "the 3rd and the 21st"),
    ("$20 million and 50 cents", "$20000000.50"),
    ("three point one four percent", "3.14%"),
    ("1,000,000 people", "1000000 people"),
    ("double oh seven", "007"),
    ("minus five degrees", "-5 degrees"),
    ("café naïve Zürich", "cafe naive zurich"),
    ("", ""),
    ("...", "."),
]
WORDS = [
    *("the", "a", "one", "two", "twenty", "three", "hundred", "thousand", "million", "point", "oh", "o", "zero"),
    *("double", "triple", "percent", "dollars", "cents", "pounds", "and", "first", "second", "3rd", "1960s", "minus"),
    *("$20", "£5", "¢50", "1,000", "3.14", "50%", "colour", "organise", "theatre", "won't", "can't", "let's", "I'm"),
    *("she'd", "been", "it's", "got", "Mr.", "Mrs.", "Dr.", "St.", "hmm", "uh", "mm", "[noise]", "(aside)", "nan"),
    *("(", ")", "[", "]", "<", ">", "()", "[(", ")]", "'"),
    *("café", "naïve", "Œuvre", "ß", "—", "…", "'"),
]


@pytest.fixture(scope="module")
def published():
    """The copy of Whisper's normaliser in Transformers, with the same table of spellings."""
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    spellings = files("whisper_normalizer").joinpath("normalizers", "english.json").read_text()
    return EnglishTextNormalizer(json.loads(spellings))


@pytest.mark.parametrize(("text", "expected"), WHISPER_ENGLISH)
def test_whisper_english_writes_contractions_names_and_numbers_as_published(text: str, expected: str, published):
    assert find_normaliser("whisper-english").apply(text, "en") == expected == published(text).strip()


def test_whisper_english_equals_the_copy_in_transformers_on_random_sentences(published):
    rng = random.Random(0)
    apply = find_normaliser("whisper-english").apply
    for _ in range(1500):
        text = " ".join(rng.choices(WORDS, k=rng.randint(1, 9)))
        assert apply(text, "en") == published(text).strip(), text


def test_whisper_basic_equals_the_copy_in_transformers_on_many_scripts():
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer

    texts = ["Ça va? (oui)", "[x] Größe, İstanbul!", "مَرْحَبًا بِكُمْ", "ሰላም ለዓለም።", "हिन्दी में", "😀 ok", "１２３"]
    apply = find_normaliser("whisper-basic").apply
    assert [apply(text, "de") for text in texts] == [BasicTextNormalizer()(text).strip() for text in texts]
    split = BasicTextNormalizer(split_letters=True)
    assert apply("今天 下午。", "zh") == " ".join(split("今天 下午。").split())


def test_whisper_basic_counts_letters_as_words_where_words_are_not_written_apart():
    counts = count_errors(["今天下午"], ["今天上午"], "zh", find_normaliser("whisper-basic"))
    assert counts.words.tolist() == [4]
    assert counts.wer == 1 / 4


def test_the_registry_of_normalisers_loads_no_tables_before_they_are_needed():
    code = (
        "import sys; from qal.text.normalisation.registry import find_normaliser; "
        "find_normaliser('language').apply('Hello, ሰላም', 'am'); "
        "print([name for name in ('whisper_normalizer', 'opencc', 'more_itertools', 'torch') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
