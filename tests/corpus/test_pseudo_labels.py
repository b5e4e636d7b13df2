"""Examples of recordings without transcripts, where two readings agree."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.corpus.machine_made import is_machine_made
from qal.corpus.pseudo_labels import AgreementOptions, ReadPiece, agreement, label_folder, reject_reason
from qal.corpus.split_assignment import assign_splits
from qal.corpus.versions.store import list_versions
from qal.engine.corpus_readers import AgreementReader
from qal.engine.longform.options import LONGFORM_DECODING
from qal.errors import CorpusError
from tests.fakes import ScriptedEngine, transcript
from tests.sounds import sine, write_audio

SURE = -0.1


class ScriptedReader:
    """Returns the same pieces for every recording."""

    name = "one, other"

    def __init__(self, *pieces: ReadPiece):
        self.pieces = pieces

    def read(self, samples: Samples, language: str) -> Sequence[ReadPiece]:
        return self.pieces


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        (ReadPiece(0, 2, "Good morning, all.", "good morning all", SURE), ""),
        (ReadPiece(0, 2, "Good morning.", "Good evening.", SURE), "agree"),
        (ReadPiece(0, 2, "Good morning.", "Good morning.", -2.0), "log probability"),
        (ReadPiece(0, 0.5, "Good morning.", "Good morning.", SURE), "long"),
        (ReadPiece(0, 29, "Good morning.", "Good morning.", SURE), "long"),
        (ReadPiece(0, 2, "", "", SURE), "no words"),
        (ReadPiece(0, 2, "...", "...", SURE), "no words"),
    ],
)
def test_piece_is_kept_if_both_readings_agree_and_are_sure(piece: ReadPiece, reason: str):
    found = reject_reason(piece, "en", AgreementOptions())
    assert reason in found
    assert bool(found) == bool(reason)


def test_agreement_counts_characters_after_the_normaliser():
    assert agreement("Good Morning!", "good morning", "en") == 1
    assert agreement("abcd efghi", "abcd efghx", "en") == pytest.approx(0.9)
    assert agreement("", "", "en") == 0


def test_pseudo_labels_are_for_training_only_and_name_both_readings(tmp_path: Path):
    write_audio(tmp_path / "in" / "a.wav", sine(440, 6))
    (tmp_path / "in" / "bad.wav").write_bytes(b"no audio")
    reader = ScriptedReader(
        ReadPiece(0, 2, "Good morning.", "good morning", SURE), ReadPiece(2, 4, "Good.", "Bad weather.", SURE)
    )
    left_out: list[str] = []
    corpus = label_folder(tmp_path / "in", reader, "en", tmp_path / "out", on_skip=left_out.append)
    (row,) = corpus.rows
    assert (row.text, row.split, row.duration_s) == ("Good morning.", "train", 2.0)
    assert row.source == "pseudo-label: one, other; agreement 1.00; a.wav, 0.00-2.00 s"
    assert is_machine_made(row)
    assert [line.partition(":")[0] for line in left_out] == ["a.wav, 2.00-4.00 s", "bad.wav"]
    assert "for training" in corpus.info.split_note
    assert [v.note for v in list_versions(tmp_path / "out")] == [f"imported: {corpus.info.source}"]


def test_machine_made_rows_stay_in_training_when_a_corpus_is_split(tmp_path: Path):
    write_audio(tmp_path / "in" / "a.wav", np.tile(sine(440, 2), 20))
    pieces = [ReadPiece(2 * i, 2 * i + 2, f"sentence {i}", f"sentence {i}", SURE) for i in range(20)]
    rows = label_folder(tmp_path / "in", ScriptedReader(*pieces), "en", tmp_path / "out").rows
    spoken = [r.model_copy(update={"source": "", "text": f"x {r.text}", "audio": f"x{r.audio}"}) for r in rows]
    assigned = assign_splits([*rows, *spoken], {r.audio: "test" for r in rows}).rows
    assert {row.split for row in assigned if is_machine_made(row)} == {"train"}
    assert "validation" in {row.split for row in assigned if not is_machine_made(row)}


def test_nothing_certain_is_an_error_and_leaves_no_corpus(tmp_path: Path):
    write_audio(tmp_path / "in" / "a.wav", sine(440, 6))
    with pytest.raises(CorpusError, match="min-agreement"):
        label_folder(tmp_path / "in", ScriptedReader(), "en", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(CorpusError, match="overlaps"):
        label_folder(tmp_path / "in", ScriptedReader(), "en", tmp_path / "in" / "out")


def test_both_engines_read_the_same_pieces(russian_corpus):
    from qal.audio.decode import decode

    row = next(row for row in russian_corpus.rows if 3 < row.duration_s < 6)
    samples = np.concatenate([decode(russian_corpus.audio_path(row)), np.zeros(SAMPLE_RATE, np.float32)])
    one = ScriptedEngine([transcript(" Раз.", "ru", -0.1)])
    other = ScriptedEngine([transcript("Раз", "ru", -0.3)])
    beam = LONGFORM_DECODING.model_copy(update={"beam_size": 5})
    (piece,) = AgreementReader(one, other, "one, other", beam).read(samples, "ru")
    assert (piece.text, piece.other_text, piece.avg_logprob) == ("Раз.", "Раз", -0.3)
    assert np.array_equal(one.utterances[0].samples, other.utterances[0].samples)
    assert (one.decoding_options[0].beam_size, other.decoding_options[0].beam_size) == (1, 5)
