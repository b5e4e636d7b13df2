"""The context curve: which contexts are judged how, what is decoded, and what is written into qal.json."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.corpus.manifest import Row
from qal.engine.context import context_frames
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import FULL_CONTEXT, Transcript, Utterance
from qal.engine.model_directory import ContextAbility, ModelMetadata, read_metadata
from qal.errors import AudioDecodeError, CorpusError, EvaluationError, ModelError
from qal.evaluation.context_curve.curve import CurveSource, context_curve
from qal.evaluation.context_curve.decision import (
    FIRST_LOOK,
    grid,
    is_look,
    needed_utterances,
    smallest_context,
    verdict,
)
from qal.evaluation.context_curve.files import read_curve, write_curve
from qal.evaluation.context_curve.measure import CurveSettings, transcribe_at_contexts
from qal.evaluation.context_curve.records import MIN_UTTERANCES, ContextCurve, ContextRow, context_name
from qal.evaluation.context_curve.table import curve_table
from qal.evaluation.context_curve.write import copy_with_context, write_context
from qal.evaluation.evaluate import Selection
from qal.evaluation.records import ROWS_FILE
from qal.evaluation.report import PairedDifference
from tests.fakes import transcript
from tests.model_folders import model_directory

TEXT = "one two three four five six seven eight"
WRONG = "uno dos tres cuatro cinco seis siete ocho"
SETTINGS = CurveSettings(grid([0.5, 1.0, 4.0], [2.0, 10.0]))
SOURCE = CurveSource("fake", "voices", "0" * 64, "test", {"beam_size": 1}, {"cpu": "fake"})


@dataclass
class ShortSightedEngine:
    """Writes the right text if at least `needed_s` are encoded after the speech, or `needed_min_s` in all."""

    needed_s: float = 1.0
    needed_min_s: float = 30.0
    ability: ContextAbility = FULL_CONTEXT
    calls: list[tuple[int, int]] = field(default_factory=list)  # (samples, frames)

    def with_context(self, ability: ContextAbility) -> "ShortSightedEngine":
        return replace(self, ability=ability)  # the calls are shared

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        return [self._transcribe(u) for u in utterances]

    def _transcribe(self, utterance: Utterance) -> Transcript:
        n = len(utterance.samples)
        frames = context_frames(n, self.ability)
        self.calls.append((n, frames))
        enough = frames >= min(100 * self.needed_min_s, n / 160 + 100 * self.needed_s)
        return transcript(TEXT if enough else WRONG)


def example(i: int, duration_s: float) -> Row:
    name = f"audio/{i}.wav"
    return Row(audio=name, text=TEXT, language="en", speaker="a", duration_s=duration_s, split="test", sha256="0" * 64)


def examples(count: int) -> Selection:
    return Selection(tuple(example(i, 3 + i / 100) for i in range(count)), {})


def load(row: Row) -> Samples:
    return np.zeros(int(row.duration_s * SAMPLE_RATE), np.float32)


def measured(engine: ShortSightedEngine, count: int, settings: CurveSettings = SETTINGS) -> ContextCurve:
    return context_curve(transcribe_at_contexts(engine, examples(count), load, settings), settings, SOURCE)


def paired(difference: float, low: float, high: float) -> PairedDifference:
    return PairedDifference(difference=difference, low=low, high=high, p=0.5)


def test_smallest_context_that_is_not_worse_is_found():
    curve = measured(ShortSightedEngine(needed_s=1.0), MIN_UTTERANCES)
    verdicts = {(row.context.margin_s, row.context.min_s): row.verdict for row in curve.figures[1:]}
    assert curve.smallest == ContextAbility(adaptive=True, margin_s=1.0, min_s=2.0)
    assert verdicts[0.5, 2.0] == "worse"
    assert {verdicts[pair] for pair in verdicts if pair != (0.5, 2.0)} == {"not worse"}
    assert curve.needed_utterances is None


def test_weights_that_need_a_long_minimum_get_it():
    curve = measured(ShortSightedEngine(needed_s=30, needed_min_s=10), MIN_UTTERANCES)
    assert curve.smallest
    assert curve.smallest.min_s == 10.0


def test_weights_that_need_30_s_have_no_smaller_context():
    curve = measured(ShortSightedEngine(needed_s=30), MIN_UTTERANCES)
    assert curve.smallest is None
    assert curve.found is None
    assert "The model needs 30 s" in curve_table(curve)


def test_too_few_examples_are_not_enough_to_find_a_context():
    curve = measured(ShortSightedEngine(needed_s=0), MIN_UTTERANCES - 1)
    assert {row.verdict for row in curve.figures[1:]} == {"undecided"}
    assert curve.smallest is None
    assert curve.needed_utterances == MIN_UTTERANCES
    assert "99 examples are too few to decide" in curve_table(curve)


@pytest.mark.parametrize(
    ("difference", "utterances", "expected"),
    [
        (paired(0.0, -0.002, 0.004), MIN_UTTERANCES, "not worse"),
        (paired(0.0, -0.002, 0.005), MIN_UTTERANCES, "undecided"),
        (paired(-0.05, -0.09, -0.01), MIN_UTTERANCES, "not worse"),
        (paired(0.01, 0.006, 0.02), MIN_UTTERANCES, "worse"),
        (paired(0.01, 0.006, 0.02), 20, "worse"),
        (paired(0.004, 0.003, 0.0049), MIN_UTTERANCES, "not worse"),
    ],
)
def test_verdict_compares_the_bounds_of_the_interval_with_the_tolerance(difference, utterances, expected):
    assert verdict(difference, utterances, tolerance=0.005) == expected


def test_hopeless_contexts_are_given_up_early_and_others_never():
    engine = ShortSightedEngine(needed_s=1.0)
    transcribed = transcribe_at_contexts(engine, examples(60), load, SETTINGS)
    by_context = {(r.context.margin_s, r.context.min_s): r for r in transcribed.results[1:]}
    stopped = by_context.pop((0.5, 2.0))
    assert stopped.is_stopped
    assert len(stopped.rows) == FIRST_LOOK
    assert {len(result.rows) for result in by_context.values()} == {60}


def test_looks_become_rarer():
    assert [n for n in range(40) if is_look(n)] == [12, 15, 19, 24, 30, 38]


def test_each_number_of_frames_is_decoded_once_per_example():
    engine = ShortSightedEngine(needed_s=0)
    transcribe_at_contexts(engine, examples(5), load, SETTINGS)
    warm_up, rest = engine.calls[:2], engine.calls[2:]
    assert len(warm_up) == 2
    assert len(rest) == len(set(rest)) == 5 * 5


def test_contexts_that_share_a_call_have_its_text_and_its_time():
    transcribed = transcribe_at_contexts(ShortSightedEngine(), examples(3), load, SETTINGS)
    same = [r for r in transcribed.results if r.context.min_s == 10.0]
    for rows in zip(*(r.rows for r in same), strict=True):
        assert len({(row.hypothesis, row.seconds, row.context_s) for row in rows}) == 1


def test_order_of_the_examples_follows_the_seed():
    def order(seed: int) -> list[str]:
        settings = replace(SETTINGS, seed=seed)
        return [
            row.audio
            for row in transcribe_at_contexts(ShortSightedEngine(), examples(20), load, settings).results[0].rows
        ]

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2))


def test_a_stopped_measurement_keeps_its_results():
    answers = iter([False] * 7 + [True])
    found = transcribe_at_contexts(
        ShortSightedEngine(), examples(20), load, SETTINGS, should_stop=lambda: next(answers)
    )
    assert not found.is_complete
    assert {len(r.rows) for r in found.results} == {7}
    assert "Stopped before" in curve_table(context_curve(found, SETTINGS, SOURCE))


def test_examples_without_long_speech_are_pointed_out():
    curve = measured(ShortSightedEngine(needed_s=1.0), 5)
    assert "what longer speech needs was not measured" in curve_table(curve)
    assert "longer speech" not in curve_table(curve.model_copy(update={"longest_s": 12.0}))


def test_unreadable_audio_is_left_out_at_all_contexts():
    def broken(row: Row) -> Samples:
        if row.audio.endswith("0.wav"):
            raise AudioDecodeError("not audio")
        return load(row)

    found = transcribe_at_contexts(ShortSightedEngine(needed_s=0), examples(20), broken, SETTINGS)
    assert found.left_out == {"with unreadable audio": 2}
    assert {len(r.rows) for r in found.results} == {18}


def test_a_measurement_that_was_stopped_at_once_is_an_error():
    with pytest.raises(EvaluationError, match="stopped before"):
        transcribe_at_contexts(ShortSightedEngine(), examples(3), load, SETTINGS, should_stop=lambda: True)


def test_a_corpus_without_usable_audio_is_refused():
    def broken(row: Row) -> Samples:
        raise AudioDecodeError("not audio")

    with pytest.raises(CorpusError, match="no example could be transcribed"):
        transcribe_at_contexts(ShortSightedEngine(), examples(3), broken, SETTINGS)


def test_of_equal_contexts_the_longer_setting_is_returned():
    curve = measured(ShortSightedEngine(needed_s=0), MIN_UTTERANCES, CurveSettings(grid([1.0], [0.0, 2.0, 3.5])))
    assert len({row.context_s for row in curve.figures[1:]}) == 1
    assert smallest_context(curve.figures) == ContextAbility(adaptive=True, margin_s=1.0, min_s=3.5)


def test_needed_utterances_grow_with_the_square_of_the_width():
    curve = measured(ShortSightedEngine(needed_s=0), MIN_UTTERANCES)
    row = curve.figures[1].model_copy(update={"verdict": "undecided", "paired": paired(0.0, -0.01, 0.01)})
    assert needed_utterances([row], tolerance=0.005) == 4 * MIN_UTTERANCES
    worse = row.model_copy(update={"paired": paired(0.006, -0.01, 0.02)})
    assert needed_utterances([worse], tolerance=0.005) is None


def test_grid_has_each_setting_once_and_the_longest_first():
    settings = grid([1, 0.5, 1], [2, 20])
    assert [(s.margin_s, s.min_s) for s in settings] == [(1, 20), (0.5, 20), (1, 2), (0.5, 2)]


def test_the_context_of_the_metadata_is_tried_and_judged():
    own = ContextAbility(adaptive=True, margin_s=0.75, min_s=2.0)
    settings = CurveSettings(grid([1.0], [2.0], own))
    transcribed = transcribe_at_contexts(ShortSightedEngine(), examples(MIN_UTTERANCES), load, settings)
    curve = context_curve(transcribed, settings, replace(SOURCE, own=own))
    assert "The context in the model's qal.json, speech + 0.75 s, at least 2 s, is worse than 30 s" in curve_table(
        curve
    )
    assert "qal.json" not in curve_table(measured(ShortSightedEngine(), 5))


def test_figures_and_transcripts_are_read_back(tmp_path: Path):
    transcribed = transcribe_at_contexts(ShortSightedEngine(), examples(4), load, SETTINGS)
    curve = context_curve(transcribed, SETTINGS, SOURCE)
    write_curve(tmp_path / "out", curve, transcribed)
    assert read_curve(tmp_path / "out") == curve
    lines = (tmp_path / "out" / ROWS_FILE).read_text().splitlines()
    rows = [ContextRow.model_validate_json(line) for line in lines]
    assert rows == [row for result in transcribed.results for row in result.rows]
    with pytest.raises(EvaluationError, match="measure the context again"):
        read_curve(tmp_path)


CONTEXT = ContextAbility(adaptive=True, margin_s=2.0, min_s=10.0)


def test_context_is_written_and_the_other_metadata_is_kept(tmp_path: Path):
    folder = model_directory(tmp_path / "mine", metadata=ModelMetadata(base_model="base", languages=["am"], run="r1"))
    write_context(folder, CONTEXT, "mine")
    assert read_metadata(folder) == ModelMetadata(base_model="base", languages=["am"], run="r1", context=CONTEXT)


def test_a_model_without_metadata_gets_them_with_its_name(tmp_path: Path):
    folder = model_directory(tmp_path / "elsewhere")
    write_context(folder, CONTEXT, "elsewhere")
    assert read_metadata(folder) == ModelMetadata(base_model="elsewhere", context=CONTEXT)


def test_a_model_of_the_cache_is_only_written_into_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path / "cache"))
    cached = model_directory(tmp_path / "cache" / "base")
    with pytest.raises(ModelError, match="--copy DIR"):
        write_context(cached, CONTEXT, "base")
    copy = tmp_path / "copies" / "base-10s"
    copy_with_context(cached, copy, CONTEXT, "base")
    assert read_metadata(copy).context == CONTEXT
    assert not (cached / "qal.json").exists()
    assert (copy / "model.bin").read_bytes() == (cached / "model.bin").read_bytes()
    assert [p.name for p in copy.parent.iterdir()] == ["base-10s"]
    with pytest.raises(ModelError, match="exists already"):
        copy_with_context(cached, copy, CONTEXT, "base")


def test_context_names_are_sentences_of_seconds():
    assert context_name(FULL_CONTEXT) == "30 s"
    assert context_name(CONTEXT) == "speech + 2 s, at least 10 s"
