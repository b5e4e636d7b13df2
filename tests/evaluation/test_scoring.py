import pytest

from qal.evaluation.scoring import SpokenReference, score_engines, transcribe_each
from tests.fakes import ScriptedEngine, noise, transcript

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
