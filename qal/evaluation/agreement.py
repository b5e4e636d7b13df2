"""The disagreement of texts and audio: what a stock model recognises, and how likely it finds the text of the corpus.

A wrong text is found in two ways: the recognised text is another one, or the model is surprised by tokens of the given
text. The first sees words that are missing in the text, the second is sure also where the model recognises badly."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from qal.audio.decode import decode
from qal.audio.samples import WINDOW_S, WINDOW_SAMPLES, Samples
from qal.corpus.manifest import Corpus, Row
from qal.corpus.quality.measures import AGREEMENT_FILE, Agreement, append_measures, read_measures
from qal.corpus.words import has_words
from qal.engine.engine import Engine, Utterance
from qal.engine.text_scores import TextScore, score_texts
from qal.errors import AudioDecodeError
from qal.evaluation.error_rates import count_errors

ProgressCallback = Callable[[int, int], object]  # (examples done, examples in total)

BATCH = 8  # examples of like duration
LOWEST_SHARE = 0.25  # of a text's tokens, the least likely ones
MAX_CER = 2.0  # more is a repetition loop of the model


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
        disagreement=round(disagreement(counts.cer, score), 4),
    )


def disagreement(cer: float, score: TextScore) -> float:
    """Returns the disagreement of a text and its audio, 0 for full agreement; docs/corpus-quality.md measures it.

    Args:
        cer: character error rate of the recognised text, a share.
        score: the scores of the text and of the recognised text."""
    given, heard = _mean(score.text_logprobs) or 0.0, _mean(score.heard_logprobs) or 0.0
    return min(cer, MAX_CER) + max(0.0, heard - given) / 2


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
