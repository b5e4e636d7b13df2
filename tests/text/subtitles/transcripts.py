"""Transcripts for the tests of subtitles: invented words with times."""

from dataclasses import dataclass

import numpy as np

ALPHABETS = {
    "en": list("abcdefghijklmnopqrstuvwxyz"),
    "zh": list("今天气很好我们一起去公园散步吧"),
    "th": list("สวัสดีครบนเแกา่ิ"),
    "he": list("שלוםעכביתאנחנו"),
    "hi": ["क", "ख", "ग", "ा", "ि", "्", "न", "म"],
    "am": list("ሰላምቃልኣዲስአበባ"),
}
ENDINGS = ["", "", "", "", ",", ".", "?", "!", ";", "።", "。", " -", "…"]
ODD = ["<i>", "{\\an8}", "&", "-->", "=1+1", "😀", "\\N", "00:00:01,000", "5", "12", "</v>", "\u202e", "a\u0301"]


@dataclass(frozen=True)
class Word:
    text: str
    start_s: float
    end_s: float
    probability: float = 0.9


@dataclass(frozen=True)
class Segment:
    start_s: float
    end_s: float
    text: str
    language: str = "en"
    words: tuple[Word, ...] = ()
    channel: int | None = None
    avg_logprob: float = -0.3
    no_speech_prob: float = 0.01


def segment(words: list[Word], language: str = "en", has_words: bool = True) -> Segment:
    text = "".join(word.text for word in words).strip()
    return Segment(words[0].start_s, words[-1].end_s, text, language, tuple(words) if has_words else ())


def spoken(text: str, letter_s: float = 0.06, pause_s: float = 0.3, start_s: float = 0.0) -> Segment:
    """Returns English speech: each letter takes letter_s, and a pause follows each sentence."""
    words, time_s = [], start_s
    for part in text.split():
        words.append(Word(f" {part}", time_s, time_s + letter_s * len(part)))
        time_s = words[-1].end_s + pause_s * part.endswith((".", "?", "!"))
    return segment(words)


def invented(seed: int) -> list[Segment]:
    """Returns a transcript of invented words: all scripts, odd texts, words without duration, overlaps and pauses."""
    rng = np.random.default_rng(seed)
    segments, time_s = [], 0.0
    for _ in range(rng.integers(1, 6)):
        language = str(rng.choice(list(ALPHABETS)))
        words = []
        for _ in range(rng.integers(1, 40)):
            length = int(rng.choice([1, 2, 4, 7, 12, 60], p=[0.15, 0.25, 0.3, 0.2, 0.09, 0.01]))
            letters = "".join(rng.choice(ALPHABETS[language], length))
            text = str(rng.choice(ODD)) if rng.random() < 0.05 else letters + str(rng.choice(ENDINGS))
            space = "" if language in ("zh", "th") and rng.random() < 0.9 else " "
            duration_s = float(rng.choice([0.0, 0.05, 0.3, 1.0, 9.0], p=[0.05, 0.3, 0.5, 0.14, 0.01]))
            words.append(Word(space + text, time_s, time_s + duration_s))
            time_s += duration_s + float(rng.choice([0.0, -0.05, 0.2, 1.5, 20.0], p=[0.6, 0.05, 0.25, 0.09, 0.01]))
            time_s = max(0.0, time_s)
        segments.append(segment(words, language, has_words=rng.random() < 0.8))
    return segments
