from collections.abc import Callable
from pathlib import Path

import pytest

from qal.corpus.manifest import read_corpus
from qal.evaluation.evaluate import evaluate, select_rows
from qal.evaluation.records import Evaluation
from tests.evaluation.evaluated import ScriptedTranscriber, speech_corpus
from ui_components.app.studio import Studio

Evaluated = Callable[..., Path]


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """A studio with a dataset of six examples by two speakers."""
    for name in ("configs", "runs"):
        (tmp_path / name).mkdir()
    speech_corpus(tmp_path / "data" / "numbers")
    return Studio(
        tmp_path / "runs",
        tmp_path / "data",
        tmp_path / "configs",
        model="base",
        evaluations=tmp_path / "evaluations",
    )


@pytest.fixture
def evaluated(studio: Studio) -> Evaluated:
    """evaluated("base", texts={"audio/1.wav": "…"}) stores an evaluation; other examples are right."""

    def store(identifier: str, texts: dict[str, str] | None = None, stop_after: int | None = None) -> Path:
        corpus = read_corpus(studio.data / "numbers")
        folder, transcriber = studio.evaluations / identifier, ScriptedTranscriber(texts or {})
        evaluation = Evaluation(
            id=identifier, model=identifier, corpus="numbers", corpus_path=str(corpus.folder), normaliser="basic-2"
        )
        is_enough = (lambda: len(transcriber.asked) >= stop_after) if stop_after is not None else (lambda: False)
        evaluate(folder, evaluation, corpus, select_rows(corpus, "test"), transcriber, should_stop=is_enough)
        return folder

    return store
