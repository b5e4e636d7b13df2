"""What was heard beside what was said, word by word: to be shown, not counted."""

from dataclasses import dataclass

import jiwer

from text.normalisation import normalise


@dataclass(frozen=True)
class Piece:
    """A word as it is written on either side; "" where that side has none."""

    said: str
    heard: str
    same: bool  # but for case and punctuation


def align(said: str, heard: str) -> list[Piece]:
    """The fewest edits between the two. What has no letter stays with the word before it."""
    (left, left_words), (right, right_words) = _words(said), _words(heard)
    if not left or not right:
        return [Piece(word, "", False) for word in left_words] + [Piece("", word, False) for word in right_words]
    pieces: list[Piece] = []
    for chunk in jiwer.process_words(" ".join(left), " ".join(right)).alignments[0]:
        a = left_words[chunk.ref_start_idx : chunk.ref_end_idx]
        b = right_words[chunk.hyp_start_idx : chunk.hyp_end_idx]
        length = max(len(a), len(b))
        a, b = a + [""] * (length - len(a)), b + [""] * (length - len(b))
        pieces += [Piece(x, y, chunk.type == "equal") for x, y in zip(a, b, strict=True)]
    return pieces


def _words(text: str) -> tuple[list[str], list[str]]:
    """-> (words to compare, the same as they are written); a mark before the first word is left out."""
    found: list[tuple[str, str]] = []
    for word in text.split():
        plain = normalise(word).replace(" ", "")
        if plain:
            found.append((plain, word))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {word}")
    return [plain for plain, _ in found], [word for _, word in found]
