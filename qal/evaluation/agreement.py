"""The disagreement of texts and audio: what a stock model recognises, and how likely it finds the text of the corpus.

A wrong text is found in two ways: the recognised text is another one, or the model is surprised by tokens of the given
text. The first sees words that are missing in the text, the second is sure also where the model recognises badly."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import jiwer
import numpy as np
from rapidfuzz.distance import Levenshtein

from qal.audio.decode import decode
from qal.audio.samples import WINDOW_S, WINDOW_SAMPLES, Samples
from qal.corpus.manifest import Corpus, Row
from qal.corpus.quality.measures import AGREEMENT_FILE, Agreement, append_measures, read_measures
from qal.corpus.words import has_words
from qal.engine.engine import Engine, Utterance
from qal.engine.text_scores import TextScore, score_texts
from qal.errors import AudioDecodeError
from qal.evaluation.error_rates import count_errors
from qal.text.normalisation.registry import normalise

ProgressCallback = Callable[[int, int], object]  # (examples done, examples in total)

BATCH = 8  # examples of like duration
LOWEST_SHARE = 0.25  # of a text's tokens, the least likely ones
EXTRA_WEIGHT = 3.0  # of a character that the recognised text has more
OFFSET_CHARACTERS = 6
EQUAL_WEIGHT = 0.75  # of a text all of whose words are equal
SILENT_LOGPROB = -1.0  # mean of a recognised text without tokens
USUAL_GAP_OF_NUMBERS = 1.0  # by which "five" is less likely than "5", in nats per token


def no_progress(done: int, total: int) -> None:
    """Ignores progress."""


def measure_agreement(
    corpus: Corpus, engine: Engine, model: str, progress: ProgressCallback = no_progress
) -> list[Agreement]:
    """Compares the texts of a corpus with its audio. Texts that were compared with this model before are kept.

    The results are appended to agreement.jsonl as they come, so that a stopped run is continued. Rows without words,
    of more than 30 s, of a language that the model lacks, or without readable audio are left out.

    Args:
        corpus: the corpus.
        engine: the stock model.
        model: its name, by which results are found again.
        progress: called with the number of examples done and to do.

    Raises:
        StorageError: the corpus folder cannot be written to."""
    path = corpus.folder / AGREEMENT_FILE
    known = {(a.sha256, a.text): a for a in read_measures(path, Agreement) if a.model == model}
    rows = {
        (row.sha256, row.text): row
        for row in corpus.rows
        if has_words(row.text) and row.duration_s <= WINDOW_S and row.language in engine.tokenizer.languages
    }
    to_do = [row for key, row in rows.items() if key not in known]
    done = 0
    progress(done, len(to_do))
    for batch in _batches(to_do):
        found = _compare(corpus, batch, engine, model)
        append_measures(path, found)
        known |= {(a.sha256, a.text): a for a in found}
        done += len(batch)
        progress(done, len(to_do))
    return [known[key] for key in rows if key in known]


def agreement_of(row: Row, score: TextScore, model: str) -> Agreement:
    """Computes the measures of one row from the scores of its text."""
    counts = count_errors([row.text], [score.heard], [row.language])
    lowest = sorted(score.text_logprobs)[: max(1, round(LOWEST_SHARE * len(score.text_logprobs)))]
    best = max(score.languages, key=lambda code: score.languages[code], default="")
    return Agreement(
        sha256=row.sha256,
        text=row.text,
        model=model,
        heard=score.heard,
        wer=round(counts.wer, 4),
        cer=round(counts.cer, 4),
        text_logprob=_mean(score.text_logprobs),
        heard_logprob=_mean(score.heard_logprobs),
        lowest_logprob=_mean(lowest),
        heard_language=best,
        language_probability=round(score.languages[best], 4) if best else None,
        stated_probability=round(score.languages.get(row.language, 0.0), 4) if best else None,
        disagreement=round(disagreement(row.text, row.language, score), 4),
    )


def disagreement(text: str, language: str, score: TextScore) -> float:
    """Returns the disagreement of a text and its audio, 0 for full agreement; docs/corpus-quality.md measures it.

        (edits · ln(1 + surprise) + 3 · more characters) / (length + 6) · (1 + 0.75 · share of equal words)

    Edits are those between the characters of the text and of the recognised text, both normalised and without spaces.
    Surprise is how much less likely the text is than the recognised one, in nats. More characters is by how many the
    recognised text is longer: what is missing in a text that was cut surprises nowhere. The length is that of the
    longer one, and the 6 keeps single words and letters, which are recognised badly, from being the worst. Where most
    words are equal the recognition is good, so that the one that is not counts more."""
    edits = _compare_texts(normalise(text, language).split(), normalise(score.heard, language).split())
    given, heard = score.text_logprobs, score.heard_logprobs
    surprise = max(0.0, sum(heard) - sum(given))
    heard_mean, given_mean = _mean(heard), _mean(given)
    gap = max(0.0, (SILENT_LOGPROB if heard_mean is None else heard_mean) - (given_mean or 0.0))
    numbers = edits.number_characters * min(1.0, max(0.0, gap - USUAL_GAP_OF_NUMBERS))
    weighted = (edits.edits + numbers) * math.log1p(surprise) + EXTRA_WEIGHT * edits.more_characters
    return weighted / (edits.length + OFFSET_CHARACTERS) * (1 + EQUAL_WEIGHT * edits.equal_share)


class _TextEdits(NamedTuple):
    edits: int  # insertions, deletions and substitutions of characters
    more_characters: int  # of the recognised text
    number_characters: int  # of words against numbers in digits, which may be the same
    length: int  # of the longer text
    equal_share: float  # words of both texts that are equal


def _compare_texts(given: Sequence[str], heard: Sequence[str]) -> _TextEdits:
    """Compares words by their characters. A word against a number in digits, such as five and 5, is set apart."""
    kept_given, kept_heard, number_characters, equal = list(given), list(heard), 0, 0
    if given and heard:
        kept_given, kept_heard = [], []
        for chunk in jiwer.process_words(" ".join(given), " ".join(heard)).alignments[0]:
            a = given[chunk.ref_start_idx : chunk.ref_end_idx]
            b = heard[chunk.hyp_start_idx : chunk.hyp_end_idx]
            equal += len(a) if chunk.type == "equal" else 0
            for first, second in zip_longest(a, b, fillvalue=""):
                if first and second and _has_digit(first) != _has_digit(second):
                    number_characters += max(len(first), len(second))
                else:
                    kept_given.append(first)
                    kept_heard.append(second)
    one, other = "".join(kept_given), "".join(kept_heard)
    length = max(len(one), len(other))
    more = max(0, len(other) - len(one))
    equal_share = 2 * equal / max(1, len(given) + len(heard))
    edits = Levenshtein.distance(one, other)
    return _TextEdits(edits, more, number_characters, length + number_characters, equal_share)


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _compare(corpus: Corpus, rows: Sequence[Row], engine: Engine, model: str) -> list[Agreement]:
    readable = [(row, samples) for row in rows if (samples := _read(corpus, row)) is not None]
    utterances = [Utterance(samples, row.language) for row, samples in readable]
    scores = score_texts(engine, utterances, [row.text for row, _ in readable])
    return [agreement_of(row, score, model) for (row, _), score in zip(readable, scores, strict=True)]


def _read(corpus: Corpus, row: Row) -> Samples | None:
    try:
        samples = decode(corpus.audio_path(row))
    except AudioDecodeError:
        return None  # the measures of the audio say so
    return samples if 0 < len(samples) <= WINDOW_SAMPLES else None


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yields batches of one language and like duration, because all of a batch are encoded as long as the longest."""
    by_language: Mapping[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_language[row.language].append(row)
    for found in by_language.values():
        found.sort(key=lambda row: row.duration_s)
        yield from (found[start : start + BATCH] for start in range(0, len(found), BATCH))


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
