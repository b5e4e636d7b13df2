"""Ten minutes of recording with loose subtitles become rows whose times are right to 0.2 s."""

from pathlib import Path

import numpy as np
import pytest

from qal.corpus.importers.import_source import import_source
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.importers.timed.activity import measure_activity
from qal.corpus.importers.timed.cues import Cue
from qal.corpus.importers.timed.shift import Shift
from qal.corpus.importers.timed.timed_text import timed_pieces
from qal.corpus.manifest import Corpus, Row
from tests.long_recordings import join_utterances, srt
from tests.sounds import write_audio

RIGHT_S = 0.2
LATE_S = 0.8
JITTER_S = 0.3


def chosen(corpus: Corpus, count: int) -> list[Row]:
    rows = [row for row in corpus.rows if 1.2 < row.duration_s < 15]
    return [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[:count]]


@pytest.mark.long
@pytest.mark.parametrize("corpus", ["english_corpus", "russian_corpus"])
def test_ten_minutes_with_loose_subtitles_are_right_to_a_fifth_of_a_second(
    tmp_path: Path, corpus: str, request: pytest.FixtureRequest
):
    speech, rng = request.getfixturevalue(corpus), np.random.default_rng(1)
    samples, spoken = join_utterances(speech, chosen(speech, 150), rng)
    assert len(samples) > 9 * 60 * 16_000
    write_audio(tmp_path / "in" / "talk.wav", samples)
    starts_and_ends = np.array([(s.start_s, s.end_s) for s in spoken])
    starts_and_ends += LATE_S + rng.uniform(-JITTER_S, JITTER_S, starts_and_ends.shape)
    loose = [(float(a), float(b), s.text) for (a, b), s in zip(starts_and_ends, spoken, strict=True)]
    (tmp_path / "in" / "talk.srt").write_text(srt(loose), encoding="utf-8")
    result = import_source(tmp_path / "in", tmp_path / "out", ListingOptions(language=speech.rows[0].language))
    found = {}
    for row in result.corpus.rows:
        start_s, _, end_s = row.source.removesuffix(" s").rpartition(", ")[2].partition("-")
        found[float(start_s)] = (float(end_s), row.text)
    assert not result.problems
    assert len(found) > 0.95 * len(spoken)
    starts = {s.text: [] for s in spoken}
    for start_s, (end_s, text) in found.items():
        for s in spoken:
            if s.text == text and abs(s.start_s - start_s) < RIGHT_S and abs(s.end_s - end_s) < RIGHT_S:
                starts[s.text].append(start_s)
    assert sum(map(len, starts.values())) > 0.95 * len(spoken)


@pytest.mark.parametrize(
    ("shift", "has_gaps"),
    [(Shift(), True), (Shift(12.3), True), (Shift(0.5, 25 / 24), True), (Shift(-2.0), False)],
)
def test_offset_and_drift_of_subtitles_are_found(russian_corpus: Corpus, shift: Shift, has_gaps: bool):
    rng = np.random.default_rng(2)
    samples, spoken = join_utterances(russian_corpus, chosen(russian_corpus, 30), rng, pauses_s=(0.4, 2.0))
    cues = []
    for number, (s, following) in enumerate(zip(spoken, [*spoken[1:], spoken[-1]], strict=True), 1):
        end_s = s.end_s if has_gaps or following is s else following.start_s
        start_s, end_s = ((time_s - shift.offset_s) / shift.rate for time_s in (s.start_s, end_s))
        cues.append(Cue(number, start_s, end_s, f"{s.text}."))
    cues = [cue for cue in cues if cue.start_s >= 0]
    pieces = timed_pieces(cues, measure_activity(iter([samples])))
    assert pieces.shift.rate == pytest.approx(shift.rate)
    assert pieces.shift.offset_s == pytest.approx(shift.offset_s, abs=0.1)
    assert len(pieces.cues) == len(cues)
    for piece in pieces.cues:
        assert piece.start_s == pytest.approx(spoken[piece.number - 1].start_s, abs=RIGHT_S)
        assert piece.end_s == pytest.approx(spoken[piece.number - 1].end_s, abs=RIGHT_S)


def test_pieces_never_overlap_and_lie_in_the_recording(russian_corpus: Corpus):
    rng = np.random.default_rng(3)
    samples, spoken = join_utterances(russian_corpus, chosen(russian_corpus, 12), rng, pauses_s=(0.0, 0.1))
    activity = measure_activity(iter([samples]))
    cues = [
        Cue(i, max(0.0, s.start_s + rng.uniform(-0.5, 0.5)), s.end_s + rng.uniform(-0.5, 0.5), f"{s.text}.")
        for i, s in enumerate(spoken, 1)
    ]
    pieces = timed_pieces(cues, activity).cues
    ends = [0.0, *(piece.end_s for piece in pieces)]
    for end_s, piece in zip(ends, pieces, strict=False):
        assert end_s <= piece.start_s < piece.end_s <= activity.duration_s


@pytest.mark.parametrize("chunk", [1000, 16_000, 10**9])
def test_activity_does_not_depend_on_chunk_size(russian_corpus: Corpus, chunk: int):
    samples, _ = join_utterances(russian_corpus, chosen(russian_corpus, 2), np.random.default_rng(4))
    whole = measure_activity(iter([samples]))
    pieces = measure_activity(samples[i : i + chunk] for i in range(0, len(samples), chunk))
    assert pieces.runs() == whole.runs()
    assert pieces.duration_s == whole.duration_s
