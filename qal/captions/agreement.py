"""LocalAgreement-2: words on which two successive readings agree stop flickering (Liu et al. 2020, §3).

A reading that repeats itself commits nothing of the repetition: a loop would otherwise stay on the screen."""

from dataclasses import dataclass

from qal.text.normalisation import normalise

MAX_LOOP_WORDS = 4  # longest group of words whose repetition counts as a loop
LOOP_TIMES = 3


@dataclass(frozen=True)
class Reading:
    """Tentative text in two parts; what is committed only grows until the final text replaces it."""

    committed: str
    open: str

    @property
    def text(self) -> str:
        return self.committed + self.open


class Agreement:
    """The readings of one segment, as more of it is heard."""

    def __init__(self):
        self._committed: list[str] = []
        self._previous: list[str] = []

    def read(self, text: str) -> Reading:
        words = split_words(text)
        agreed = without_loop(words[: _common_prefix(words, self._previous)])
        self._previous = words
        if len(agreed) > len(self._committed):
            self._committed += agreed[len(self._committed) :]
        return Reading("".join(self._committed), "".join(words[len(self._committed) :]))


def split_words(text: str) -> list[str]:
    """Words with the space before them; each sign of its own where a script has no spaces."""
    words: list[str] = []
    for sign in text:
        if not words or sign.isspace() or _is_spaceless(sign) or _is_spaceless(words[-1][-1]):
            words.append(sign)
        else:
            words[-1] += sign
    return words


def _is_spaceless(sign: str) -> bool:
    """Thai, Lao, Burmese, Khmer, and the Chinese and Japanese scripts."""
    return (
        "\u0e00" <= sign <= "\u0eff" or "\u1000" <= sign <= "\u109f" or "\u1780" <= sign <= "\u17ff" or sign >= "\u3040"
    )


def without_loop(words: list[str]) -> list[str]:
    """The words up to the first time that a group of them is said LOOP_TIMES in a row; the group itself once."""
    plain = [normalise(word) or word for word in words]
    for end in range(1, len(words) + 1):
        for size in range(1, MAX_LOOP_WORDS + 1):
            group = plain[end - size : end]
            if end >= LOOP_TIMES * size and plain[end - LOOP_TIMES * size : end] == group * LOOP_TIMES:
                return words[: end - (LOOP_TIMES - 1) * size]
    return words


def has_loop(text: str) -> bool:
    words = split_words(text)
    return len(without_loop(words)) < len(words)


def _common_prefix(a: list[str], b: list[str]) -> int:
    agree = (normalise(x) == normalise(y) for x, y in zip(a, b, strict=False))
    return next((i for i, same in enumerate(agree) if not same), min(len(a), len(b)))
