"""The disagreement of texts and audio: its laws on scripted scores, and a stock model on real speech."""

import shutil
from pathlib import Path

import pytest

from qal.corpus.manifest import Corpus, Origin, write_corpus
from qal.corpus.quality.measures import AGREEMENT_FILE, Agreement, read_measures
from qal.engine.engine import Engine
from qal.engine.text_scores import TextScore
from qal.evaluation.agreement import disagreement, measure_agreement


def score(heard: str, text_logprob: float = -0.2, tokens: int = 6) -> TextScore:
    return TextScore((text_logprob,) * tokens, heard, (-0.2,) * tokens, {})


def test_same_text_in_another_spelling_agrees_fully():
    assert disagreement("Hello, world!", "en", score("hello world")) == 0


def test_another_text_a_cut_text_and_a_wrong_word_are_in_this_order():
    text = "the conference will begin in a moment"
    swapped = disagreement(text, "en", score("please leave a message", -5))
    cut = disagreement("the conference", "en", score(text, -0.2, 3))
    wrong_word = disagreement("the conference will begin in a minute", "en", score(text, -0.5))
    assert swapped > cut > 0.8 > wrong_word > 0


def test_number_in_digits_agrees_with_its_word_unless_the_model_is_surprised():
    assert disagreement("press five now", "en", score("press 5 now")) == 0
    assert disagreement("entschuldigung", "de", score("19", -6)) > 0.8


def test_empty_recognition_disagrees_with_any_text():
    assert disagreement("hello there everyone", "en", TextScore((-3.0,) * 4, "", (), {})) > 0.8


def test_stock_model_finds_a_swapped_text_and_results_are_kept(english_corpus: Corpus, base_directory, tmp_path: Path):
    rows = [r for r in english_corpus.rows if 2 < r.duration_s < 4 and len(r.text) > 20][:4]
    texts = [rows[1].text, rows[0].text, rows[2].text, ""]
    spoiled = [r.model_copy(update={"text": text}) for r, text in zip(rows, texts, strict=True)]
    for r in rows:
        (tmp_path / r.audio).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(english_corpus.audio_path(r), tmp_path / r.audio)
    corpus, engine, calls = write_corpus(tmp_path, Origin(name="c"), spoiled), Engine(base_directory), []
    found = {a.text: a for a in measure_agreement(corpus, engine, "base", lambda done, of: calls.append((done, of)))}
    assert len(found) == 3  # the row without a text is left out
    scores = [found[text].disagreement or 0 for text in texts[:3]]
    assert min(scores[:2]) > 0.8 > scores[2]
    assert found[texts[2]].heard_language == "en"
    assert found[texts[2]].text_logprob == pytest.approx(found[texts[2]].heard_logprob, abs=1)
    assert calls[-1] == (3, 3)
    calls.clear()
    assert len(measure_agreement(corpus, engine, "base", lambda done, of: calls.append((done, of)))) == 3
    assert calls == [(0, 0)]
    assert len(list(read_measures(tmp_path / AGREEMENT_FILE, Agreement))) == 3
