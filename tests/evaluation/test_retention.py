"""What fine-tuning must not break, and which sentences say that it did."""

import shutil
from copy import deepcopy
from pathlib import Path

import pytest

from qal.corpus.manifest import Corpus, read_corpus
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.evaluation.retention import Bounds, Forms, check_retention, corpora_beside, failures
from qal.evaluation.scoring import load_references

GOOD = {
    "corpora": {
        "fillets-nl": {
            "utterances": 24,
            "stock_30s": {"wer": 0.2},
            "tuned_30s": {"wer": 0.2, "difference": 0.0, "low": -0.01, "high": 0.01, "p": 1.0},
            "tuned_adaptive": {"wer": 0.2, "difference": 0.0, "low": -0.01, "high": 0.01, "p": 1.0},
        }
    },
    "language_identification": {
        "stock_30s": {"share": 0.9},
        "tuned_30s": {"share": 0.9, "difference": 0.0, "low": 0.0, "high": 0.0, "p": 1.0},
        "tuned_adaptive": {"share": 0.88, "difference": 0.02, "low": -0.01, "high": 0.05, "p": 0.2},
    },
    "timestamps": {
        "stock_30s": {"share": 1.0},
        "tuned_30s": {"share": 1.0, "difference": 0.0, "low": 0.0, "high": 0.0, "p": 1.0},
        "tuned_adaptive": {"share": 1.0, "difference": 0.0, "low": 0.0, "high": 0.0, "p": 1.0},
    },
    "long_recording": {"stock_30s": 0.1, "tuned_30s": 0.1, "tuned_adaptive": 0.12},
    "words_on_silence": {"stock_30s": 0, "tuned_30s": 0, "tuned_adaptive": 0},
}


def test_what_is_kept_is_no_failure():
    assert failures(GOOD, Bounds(0.01)) == []


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("corpora fillets-nl tuned_30s", {"difference": 0.05, "low": 0.02}, "5.0 points more word errors"),
        ("language_identification tuned_adaptive", {"difference": 0.2, "low": 0.1}, "20.0 points fewer"),
        ("timestamps tuned_30s", {"difference": 0.5, "low": 0.3}, "valid time stamps"),
        ("long_recording", {"tuned_adaptive": 0.3}, "two minutes"),
        ("words_on_silence", {"tuned_adaptive": 3}, "3 words invented"),
    ],
)
def test_each_loss_is_a_sentence(path: str, value: dict, sentence: str):
    found = deepcopy(GOOD)
    place = found
    for name in path.split():
        place = place[name]
    place.update(value)
    (said,) = failures(found, Bounds(0.01))
    assert sentence in said


def test_a_loss_that_may_be_chance_is_none():
    found = deepcopy(GOOD)
    for forms in (found["corpora"]["fillets-nl"], found["language_identification"], found["timestamps"]):
        forms["tuned_30s"] |= {"difference": 0.09, "low": -0.01}
    assert failures(found, Bounds(0.01)) == []


def test_weights_that_are_stock_keep_everything(english_corpus: Corpus):
    stock = Engine(resolve("base"), context="full")
    rows = [r for r in english_corpus.select("test") if 2 < r.duration_s < 6][:4]
    found = check_retention(
        Forms(stock, stock, stock), {"en": load_references(english_corpus, rows)}, Bounds(0.01), lambda done, of: None
    )
    assert found["failures"] == []
    assert found["language_identification"]["stock_30s"] == {"share": 1.0}
    assert found["timestamps"]["tuned_30s"] == {"share": 1.0, "difference": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}
    assert found["long_recording"]["stock_30s"] < 0.3
    assert found["words_on_silence"]["stock_30s"] == 0


def test_what_lies_beside_is_asked_and_what_is_broken_is_left_out(english_corpus: Corpus, tmp_path: Path):
    for name in ("own", "other", "broken"):
        shutil.copytree(english_corpus.folder, tmp_path / name, copy_function=lambda a, b: Path(b).hardlink_to(a))
    (tmp_path / "broken" / "manifest.jsonl").unlink()
    (tmp_path / "broken" / "manifest.jsonl").write_text("{")
    found = corpora_beside([read_corpus(tmp_path / "own")])
    assert [corpus.folder.name for corpus in found] == ["other"]
