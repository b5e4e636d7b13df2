"""Figures of the retention check and the losses that are failures."""

import shutil
from copy import deepcopy
from pathlib import Path

import pytest

from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.evaluation.report import OriginalShare, Retention, TunedShare
from qal.evaluation.retention import ModelVariants, RetentionLimits, check_retention, failures, sibling_corpora
from qal.evaluation.scoring import load_references
from qal.jobs.measured_runs import retention_example_count
from qal.jobs.options.training_config import TrainingConfig

LIMITS = RetentionLimits(wer=0.01)
NO_LOSS = {
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
    "sounds": 12,
    "invented_words": {"stock_30s": 6, "tuned_30s": 6, "tuned_adaptive": 18},
    "invented_words_screened": {"stock_30s": 2, "tuned_30s": 0, "tuned_adaptive": 2},
}


def test_no_loss_is_no_failure():
    assert failures(Retention.model_validate(NO_LOSS), LIMITS) == []


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("corpora fillets-nl tuned_30s", {"difference": 0.05, "low": 0.02}, "WER 5.0 points higher"),
        ("language_identification tuned_adaptive", {"difference": 0.2, "low": 0.1}, "20.0 points fewer"),
        ("timestamps tuned_30s", {"difference": 0.5, "low": 0.3}, "valid timestamps"),
        ("long_recording", {"tuned_adaptive": 0.3}, "two minutes"),
        ("invented_words", {"tuned_adaptive": 19}, "19 words invented on 12 sounds"),
        ("invented_words_screened", {"tuned_adaptive": 3}, "3 words invented after screening on 12 sounds"),
    ],
)
def test_each_loss_beyond_its_limit_is_one_failure(path: str, value: dict, sentence: str):
    figures = deepcopy(NO_LOSS)
    changed = figures
    for key in path.split():
        changed = changed[key]
    changed.update(value)
    (failure,) = failures(Retention.model_validate(figures), LIMITS)
    assert sentence in failure


def test_loss_whose_interval_contains_zero_is_no_failure():
    figures = deepcopy(NO_LOSS)
    for variants in (figures["corpora"]["fillets-nl"], figures["language_identification"], figures["timestamps"]):
        variants["tuned_30s"] |= {"difference": 0.09, "low": -0.01}
    assert failures(Retention.model_validate(figures), LIMITS) == []


@pytest.mark.long
def test_original_weights_have_no_retention_failures(english_corpus: Corpus):
    original = Engine(resolve("base"), compute_type="float32", context="full")  # int8 differs between processors
    rows = [r for r in english_corpus.select("test") if 2 < r.duration_s < 6][:4]
    corpora = {"en": load_references(english_corpus, rows)}
    retention = check_retention(ModelVariants(original, original, original), corpora, LIMITS)
    assert retention.failures == ()
    assert retention.language_identification
    assert retention.language_identification.stock_30s == OriginalShare(share=1.0)
    assert retention.timestamps
    assert retention.timestamps.tuned_30s == TunedShare(share=1.0, difference=0.0, low=0.0, high=0.0, p=1.0)
    assert retention.long_recording
    assert retention.long_recording.stock_30s < 0.5
    assert retention.invented_words
    assert retention.invented_words_screened
    assert retention.invented_words.stock_30s >= retention.invented_words_screened.stock_30s


def test_sibling_corpora_ignores_trained_and_broken_corpora(english_corpus: Corpus, tmp_path: Path):
    for name in ("own", "other", "broken"):
        shutil.copytree(english_corpus.folder, tmp_path / name, copy_function=lambda a, b: Path(b).hardlink_to(a))
    (tmp_path / "broken" / "manifest.jsonl").unlink()
    (tmp_path / "broken" / "manifest.jsonl").write_text("{")
    siblings = sibling_corpora([read_corpus(tmp_path / "own")])
    assert [corpus.folder.name for corpus in siblings] == ["other"]


def test_corpus_whose_test_texts_are_only_marks_is_not_used_for_the_retention_check(tmp_path: Path):
    for name, text in (("marks", "..."), ("own", "Hello."), ("words", "Hello.")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").touch()
        row = Row(audio="a.wav", text=text, language="en", duration_s=1.0, split="test", sha256=name)
        write_corpus(tmp_path / name, Origin(name=name), [row])
    own = read_corpus(tmp_path / "own")
    assert [corpus.folder.name for corpus in sibling_corpora([own])] == ["words"]
    assert retention_example_count([own], TrainingConfig()) == 1
