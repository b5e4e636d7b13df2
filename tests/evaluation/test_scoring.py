import pytest

from qal.evaluation.scoring import SpokenReference, score_engines, transcribe_each
from tests.fakes import ScriptedEngine, noise, transcript

LOOP = "I will not. " * 20
SPOKEN = [SpokenReference(noise(16_000), "yes", "en"), SpokenReference(noise(32_000), "I will not", "en")]


def test_every_utterance_is_heard_by_all_engines_in_turn():
    first, second = (ScriptedEngine(script=[transcript("Yes.") for _ in range(3)]) for _ in range(2))
    turns: list[int] = []
    score_engines(
        {"a": first, "b": second}, SPOKEN, lambda done, of: turns.append(len(first.heard) - len(second.heard))
    )
    assert turns == [0, 0]
    assert len(first.heard) == 1 + len(SPOKEN)  # one to warm up


def test_a_loop_is_scored_as_it_would_be_shown():
    engine = ScriptedEngine(script=[transcript(t) for t in ("Yes.", "Yes.", LOOP, "I will not.")])
    found = score_engines({"engine": engine}, SPOKEN)["engine"]
    assert found.hypotheses == ("Yes.", "I will not.")
    assert found.score.wer == 0
    assert found.score.rtf > 0


def test_the_conversion_check_sees_the_first_reading():
    engine = ScriptedEngine(script=[transcript("Yes."), transcript(LOOP)])
    assert transcribe_each(engine, SPOKEN) == ["Yes.", LOOP]


def test_nothing_to_score_is_refused():
    with pytest.raises(ValueError, match="nothing"):
        score_engines({}, [])
