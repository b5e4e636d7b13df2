"""Punctuation marks at which a text can be divided, in all scripts."""

SENTENCE_ENDS = frozenset(".!?…。！？．｡।॥።፧؟۔།")
CLAUSE_ENDS = frozenset(",;:—–，、；：､،؛፣፤፥፦·")
CLOSING = "\"'”’»)]}“„「」『』"  # may follow the mark
NO_LINE_START = frozenset("。、，．！？；：）」』】〉》〕”’…‥ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ・･ๆฯ,.!?;:)]}%»།")
NO_LINE_END = frozenset("（「『【〈《〔“‘([{«")
ABBREVIATIONS = frozenset(
    ["mr", "mrs", "ms", "dr", "st", "prof", "vs", "sr", "sra", "mme", "ул", "sig"]
)  # before a stop


def mark_at_end(text: str) -> str:
    """Returns the last character of a text, closing quotation marks and brackets left out; "" if there is none."""
    return text.rstrip().rstrip(CLOSING)[-1:]


def ends_sentence(text: str) -> bool:
    """True if the text ends with a full stop or a similar mark, perhaps within quotation marks."""
    return mark_at_end(text) in SENTENCE_ENDS


def ends_clause(text: str) -> bool:
    """True if the text ends with a comma or a similar mark."""
    return mark_at_end(text) in CLAUSE_ENDS


def is_abbreviation(word: str) -> bool:
    """True for an initial or a frequent abbreviation with its full stop, which ends no sentence."""
    letters = word.strip().lstrip("([«\"'“‘").removesuffix(".")
    return letters != word.strip() and ((len(letters) == 1 and letters.isalpha()) or letters.lower() in ABBREVIATIONS)
