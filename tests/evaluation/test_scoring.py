import shutil
import tracemalloc
from pathlib import Path

import pytest

from qal.audio.samples import SAMPLE_RATE
from qal.corpus.manifest import Corpus
from qal.errors import CorpusError
from qal.evaluation.scoring import SpokenReference, load_references, score_engines, transcribe_each
from tests.fakes import ScriptedEngine, noise, transcript
from tests.sounds import sine, write_audio

LOOP = "I will not. " * 20
REFERENCES = [SpokenReference(noise(16_000), "yes", "en"), SpokenReference(noise(32_000), "I will not", "en")]


def test_score_engines_transcribes_each_example_with_all_engines_in_turn():
    first, second = (ScriptedEngine(script=[transcript("Yes.") for _ in range(3)]) for _ in range(2))
    differences: list[int] = []
    score_engines(
        {"a": first, "b": second},
        REFERENCES,
        lambda done, total: differences.append(len(first.utterances) - len(second.utterances)),
    )
    assert differences == [0, 0]
    assert len(first.utterances) == 1 + len(REFERENCES)  # one warm-up


def test_score_engines_decodes_repetition_loops_again():
    engine = ScriptedEngine(script=[transcript(t) for t in ("Yes.", "Yes.", LOOP, "I will not.")])
    scored = score_engines({"engine": engine}, REFERENCES)["engine"]
    assert scored.hypotheses == ("Yes.", "I will not.")
    assert scored.score.wer == 0
    assert scored.score.rtf > 0


def test_transcribe_each_keeps_repetition_loops():
    engine = ScriptedEngine(script=[transcript("Yes."), transcript(LOOP)])
    assert transcribe_each(engine, REFERENCES) == ["Yes.", LOOP]


def test_score_engines_rejects_an_empty_set():
    with pytest.raises(ValueError, match="nothing"):
        score_engines({}, [])


def test_audio_of_a_test_set_is_decoded_when_it_is_used_and_not_kept(english_corpus: Corpus):
    rows = english_corpus.select("test")[:3] * 30
    engine = ScriptedEngine(script=[transcript("Yes.") for _ in range(2 * len(rows) + 1)])
    tracemalloc.start()
    references = load_references(english_corpus, rows)
    score_engines({"engine": engine}, references, lambda done, total: engine.utterances.clear())
    transcribe_each(engine, references, lambda done, total: engine.utterances.clear())
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 0.5 * sum(row.duration_s for row in rows) * SAMPLE_RATE * 4


@pytest.mark.parametrize("deleted", ["the dataset", "one file"])
def test_dataset_that_is_deleted_while_it_is_scored_is_named(tmp_path: Path, deleted: str):
    folder = tmp_path / "mine/audio"
    paths = [write_audio(folder / f"{i}.wav", sine(440, 1)) for i in range(3)]
    references = [SpokenReference(path, "yes", "en") for path in paths]

    def delete(done: int, total: int) -> None:
        shutil.rmtree(folder) if deleted == "the dataset" else paths[-1].unlink(missing_ok=True)

    engine = ScriptedEngine(script=[transcript("Yes.")] * 4)
    with pytest.raises(
        CorpusError, match=r"the dataset is gone: .*mine/audio.* was deleted or moved while it was used"
    ):
        score_engines({"engine": engine}, references, delete)


def test_recording_longer_than_the_window_is_refused_when_it_is_decoded(tmp_path: Path):
    write_audio(tmp_path / "long.wav", sine(440, 31.0))
    with pytest.raises(CorpusError, match="longer than 30 s"):
        _ = SpokenReference(tmp_path / "long.wav", "text", "en").samples
