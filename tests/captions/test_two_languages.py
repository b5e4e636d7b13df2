"""Streams in two languages, with real speech and the real model."""

import jiwer
import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.captioner import Captioner
from qal.captions.final_captions import Caption
from qal.captions.options import SessionOptions
from qal.corpus.manifest import Corpus, Row
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.engine.longform.options import LongformOptions
from qal.engine.longform.transcription import transcribe_file
from qal.text.normalisation.basic import normalise_basic

PAUSE_S, LONG_PAUSE_S = 0.7, 2.5
ONLY_FINALS = SessionOptions(tentative_every_s=0)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(resolve("base-adaptive"))


def greeting(corpus: Corpus) -> Row:
    return next(row for row in corpus.select("test") if 1.3 < row.duration_s < 2 and len(row.text.split()) > 1)


def sentences(corpus: Corpus, total_s: float) -> list[Row]:
    rows: list[Row] = []
    for row in corpus.select("test"):
        if 2.5 < row.duration_s < 7 and sum(r.duration_s for r in rows) < total_s:
            rows.append(row)
    return rows


def stream(corpora_rows: list[tuple[Corpus, Row]], first_pause_s: float = PAUSE_S) -> Samples:
    def silence(duration_s: float) -> Samples:
        return np.zeros(round(duration_s * SAMPLE_RATE), np.float32)

    parts = [silence(PAUSE_S)]
    for i, (corpus, row) in enumerate(corpora_rows):
        parts += [decode(corpus.audio_path(row)), silence(PAUSE_S if i else first_pause_s)]
    return np.concatenate(parts)


def finals(engine: Engine, samples: Samples, options: SessionOptions = ONLY_FINALS) -> list[Caption]:
    captioner = Captioner(engine, options=options)
    captions = [*captioner.feed(samples), *captioner.flush()]
    return [c for c in captions if c.final and c.text]


@pytest.fixture(params=["ru then en", "en then ru"])
def two_languages(request, russian_corpus: Corpus, english_corpus: Corpus) -> tuple[Corpus, Corpus]:
    return (russian_corpus, english_corpus) if request.param == "ru then en" else (english_corpus, russian_corpus)


def test_talk_after_a_greeting_in_another_language_is_right_after_two_lines(
    engine: Engine, two_languages: tuple[Corpus, Corpus]
):
    first, then = two_languages
    rows = sentences(then, 35)
    samples = stream([(first, greeting(first)), *((then, row) for row in rows)])
    captions = finals(engine, samples)
    first_language, then_language = (corpus.rows[0].language for corpus in two_languages)
    assert captions[0].language == first_language
    assert {c.language for c in captions[3:]} == {then_language}
    reference = normalise_basic(" ".join(row.text for row in rows[2:]))
    hypothesis = normalise_basic(" ".join(c.text for c in captions[3:]))
    assert jiwer.wer(reference, hypothesis) < 0.35


def test_conversation_in_two_given_languages_is_right_line_by_line(
    engine: Engine, russian_corpus: Corpus, english_corpus: Corpus
):
    pairs = zip(sentences(russian_corpus, 12), sentences(english_corpus, 12), strict=False)
    lines = [line for ru, en in pairs for line in ((russian_corpus, ru), (english_corpus, en))]
    starts_s = np.cumsum([PAUSE_S, *(row.duration_s + PAUSE_S for _, row in lines[:-1])])
    captions = finals(engine, stream(lines), ONLY_FINALS.model_copy(update={"languages": ("ru", "en")}))
    spoken = [lines[int(np.searchsorted(starts_s, c.end_s)) - 1][1].language for c in captions]
    assert len(captions) >= len(lines)
    assert [c.language for c in captions] == spoken


def test_file_in_two_languages_is_right_in_both(engine: Engine, two_languages: tuple[Corpus, Corpus]):
    first, then = two_languages
    rows = sentences(then, 20)
    samples = stream([(first, greeting(first)), *((then, row) for row in rows)], first_pause_s=LONG_PAUSE_S)
    options = LongformOptions(target_s=8, languages=("ru", "en"))
    segments = transcribe_file(engine, samples, options=options)
    first_language, then_language = (corpus.rows[0].language for corpus in two_languages)
    assert segments[0].language == first_language
    assert {s.language for s in segments[1:]} == {then_language}
