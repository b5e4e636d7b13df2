"""The layouts of well-known datasets: recognised, and listed with their texts, speakers, splits and languages."""

from collections.abc import Callable
from pathlib import Path

import pytest

from qal.corpus.importers.formats import DATASET_LAYOUTS, FORMATS
from qal.corpus.importers.layouts.common_voice import COMMON_VOICE, INVALIDATED_MARK, SHARED_MARK
from qal.corpus.importers.layouts.fleurs import FLEURS
from qal.corpus.importers.layouts.kaldi import KALDI
from qal.corpus.importers.layouts.lhotse_manifests import LHOTSE
from qal.corpus.importers.layouts.librispeech import LIBRISPEECH
from qal.corpus.importers.layouts.ljspeech import LJSPEECH
from qal.corpus.importers.layouts.minds14 import MINDS14
from qal.corpus.importers.layouts.nemo import NEMO
from qal.corpus.importers.layouts.speechocean762 import SPEECHOCEAN762
from qal.corpus.importers.layouts.voxpopuli import VOXPOPULI
from qal.corpus.importers.listing import AudioPiece, ListingOptions, SourceFormat
from qal.errors import CorpusError
from tests import dataset_layouts as layouts
from tests.dataset_layouts import add_recordings, audio_name, entries_of, write_text

MAKERS: dict[str, Callable[[Path], Path]] = {
    "ljspeech": layouts.ljspeech,
    "librispeech": layouts.librispeech,
    "common-voice": layouts.common_voice,
    "fleurs": layouts.fleurs,
    "voxpopuli": layouts.voxpopuli,
    "minds14": layouts.minds14,
    "speechocean762": layouts.speechocean762,
    "kaldi": layouts.kaldi,
    "lhotse": layouts.lhotse,
    "nemo": layouts.nemo,
}


@pytest.mark.parametrize("name", MAKERS)
def test_layout_is_recognised_by_its_own_format_first(name: str, tmp_path: Path):
    folder = MAKERS[name](tmp_path / "source")
    assert next(layout.name for layout in FORMATS if layout.recognises(folder)) == name


@pytest.mark.parametrize("layout", DATASET_LAYOUTS, ids=lambda layout: layout.name)
def test_other_sources_are_not_recognised(layout: SourceFormat, tmp_path: Path):
    plain = tmp_path / "plain"
    add_recordings(plain, "a.wav", "sub/b.wav")
    write_text(plain / "a.txt", "some text")
    write_text(plain / "metadata.csv", "file_name,text\na.wav,some text\n")
    write_text(plain / "train.tsv", "path\tsentence\na.wav\tsome text\n")
    write_text(plain / "notes.json", '{"a": [1, 2]}')
    for path in (plain, plain / "a.wav", plain / "metadata.csv", tmp_path / "missing", tmp_path):
        assert not layout.recognises(path)


def test_ljspeech_prefers_the_normalised_text_and_keeps_quotation_marks(tmp_path: Path):
    candidates, problems = entries_of(LJSPEECH, layouts.ljspeech(tmp_path))
    assert [c.text for c in candidates] == ['In fourteen fifty-five, "he" said', "only two columns"]
    assert [audio_name(c, tmp_path) for c in candidates] == ["wavs/LJ001-0001.wav", "wavs/LJ001-0002.wav"]
    assert not problems


def test_librispeech_names_speakers_and_splits_by_folder_or_speakers_file(tmp_path: Path):
    candidates, problems = entries_of(LIBRISPEECH, layouts.librispeech(tmp_path))
    found = {c.speaker: (c.split_name, c.language, c.text) for c in candidates if c.place.endswith("line 1")}
    assert found == {
        "84": ("dev-clean", "en", "GO DO YOU HEAR"),
        "103": ("train-clean-100", "en", "GO DO YOU HEAR"),
        "26": ("test-other", "en", "GO DO YOU HEAR"),
    }
    assert len(candidates) == 6
    assert not problems


def test_common_voice_keeps_its_splits_and_marks_invalidated_clips(tmp_path: Path):
    candidates, problems = entries_of(COMMON_VOICE, layouts.common_voice(tmp_path))
    by_clip = {audio_name(c, tmp_path).rpartition("_")[2][0]: c for c in candidates}
    assert {clip: c.split_name for clip, c in by_clip.items() if c.split_name} == {
        "0": "train",
        "1": "train",
        "2": "dev",
        "3": "test",
    }
    assert by_clip["0"].text == '"ሰላም ነው'
    assert {c.language for c in candidates} == {"am"}
    assert by_clip["7"].marks == (INVALIDATED_MARK,)
    assert not problems


def test_common_voice_marks_validated_clips_that_share_a_speaker_or_sentence_with_held_out_ones(tmp_path: Path):
    candidates, _ = entries_of(COMMON_VOICE, layouts.common_voice(tmp_path))
    marks = {audio_name(c, tmp_path).rpartition("_")[2][0]: c.marks for c in candidates}
    assert marks["4"] == (SHARED_MARK,)  # the speaker of a test clip
    assert marks["5"] == (SHARED_MARK,)  # the sentence of a test clip, with another full stop
    assert marks["6"] == ()
    assert all(not marks[clip] for clip in "0123")


def test_fleurs_has_raw_texts_splits_and_the_language_of_its_folder(tmp_path: Path):
    folder = layouts.fleurs(tmp_path)
    candidates, problems = entries_of(FLEURS, folder)
    assert [(c.text, c.split_name, c.language) for c in candidates[:3]] == [
        ("Raw, train 1.", "train", "am"),
        ("Raw, train 2.", "train", "am"),
        ("Raw, dev 1.", "dev", "am"),
    ]
    assert not problems
    assert entries_of(FLEURS, folder / "am_et")[0][0].language == "am"


def test_fleurs_with_packed_audio_says_what_to_unpack(tmp_path: Path):
    folder = layouts.fleurs(tmp_path)
    for child in list((folder / "am_et/audio").iterdir()):
        child.rename(folder / child.name)
    write_text(folder / "am_et/audio/train.tar.gz", "packed")
    with pytest.raises(CorpusError, match="gz is still packed"):
        entries_of(FLEURS, folder)


def test_voxpopuli_finds_audio_by_id_and_takes_the_raw_text_where_there_is_one(tmp_path: Path):
    candidates, problems = entries_of(VOXPOPULI, layouts.voxpopuli(tmp_path))
    assert [(c.text, c.speaker, c.split_name, c.language) for c in candidates] == [
        ("Mr President, yes.", "77", "train", "en"),
        ("no raw text", "78", "dev", "en"),
    ]
    assert not problems


def test_minds14_has_translations_and_languages_by_table(tmp_path: Path):
    candidates, problems = entries_of(MINDS14, layouts.minds14(tmp_path))
    assert [(c.language, c.text, c.translation) for c in candidates] == [
        ("en", "my address", "my address"),
        ("pt", "qual é o saldo, por favor", "what is the balance, please"),
    ]
    assert not problems


def test_speechocean762_resolves_paths_from_its_top_folder(tmp_path: Path):
    candidates, problems = entries_of(SPEECHOCEAN762, layouts.speechocean762(tmp_path))
    assert [(c.text, c.speaker, c.split_name, c.language) for c in candidates] == [
        ("WE CALL IT BEAR", "0001", "train", "en"),
        ("WE CALL IT BEAR", "0002", "test", "en"),
    ]
    assert not problems


def test_kaldi_segments_are_parts_of_recordings_and_commands_are_never_run(tmp_path: Path):
    candidates, problems = entries_of(KALDI, layouts.kaldi(tmp_path))
    pieces = [c.audio for c in candidates if isinstance(c.audio, AudioPiece)]
    assert [(p.path.name, p.start_s, p.end_s) for p in pieces] == [
        ("rec1.wav", 0.5, 1.25),
        ("rec1.wav", 1.25, None),
        ("rec2.wav", 0, 1),
    ]
    assert next((c.text, c.speaker, c.split_name) for c in candidates) == ("first words", "anna", "train")
    assert [str(p) for p in problems] == [
        "train/segments, line 4: 'u4' is a command, which is never run; convert its recordings to files, and name "
        "them in wav.scp"
    ]


def test_kaldi_without_segments_lists_recordings_and_speakers_of_spk2utt(tmp_path: Path):
    candidates, problems = entries_of(KALDI, layouts.kaldi(tmp_path, segments=False))
    assert [(c.text, c.speaker) for c in candidates] == [("all words", "anna"), ("other words", "ben")]
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        ("wav.scp", "rec9 audio.ark:1234", "points into an archive"),
        ("wav.scp", "rec9 | cat x", "is a command"),
        ("wav.scp", "rec9 -", "points into an archive"),
        ("wav.scp", "rec1 again.wav", "'rec1' is listed before"),
        ("wav.scp", "rec9", "there is no file ''"),
        ("text", "rec1 other words", "'rec1' is listed before"),
        ("text", "rec8 no sound", "'rec8' has a text but no recording"),
    ],
)
def test_kaldi_lines_that_cannot_be_used_are_problems(tmp_path: Path, file: str, line: str, reason: str):
    folder = layouts.kaldi(tmp_path, segments=False)
    with (folder / "train" / file).open("a") as table:
        table.write(line + "\n")
    candidates, problems = entries_of(KALDI, folder)
    assert len(candidates) == 2
    assert any(reason in problem.reason for problem in problems)


@pytest.mark.parametrize("times", ["0.5 0.2", "x 1", "0.5", "nan 1", "-1 2", "0 inf", "0.5 -2"])
def test_kaldi_segment_with_wrong_times_is_a_problem(tmp_path: Path, times: str):
    folder = layouts.kaldi(tmp_path)
    write_text(folder / "train/segments", f"u1 rec1 {times}\nu3 rec2 0 1\n")
    candidates, problems = entries_of(KALDI, folder)
    assert [c.text for c in candidates] == ["third"]
    assert "train/segments, line 1" in [p.place for p in problems]


def test_lhotse_supervisions_are_matched_with_their_recordings(tmp_path: Path):
    candidates, problems = entries_of(LHOTSE, layouts.lhotse(tmp_path))
    pieces = [c.audio for c in candidates if isinstance(c.audio, AudioPiece)]
    assert [(p.path.name, p.start_s, p.end_s) for p in pieces] == [("r1.wav", 0, None), ("r2.wav", 0.5, 1.5)]
    first = candidates[0]
    assert (first.text, first.speaker, first.language, first.split_name) == ("text 1", "anna", "en", "train")
    assert ["type 'command'" in problems[0].reason, "'r9' is not in" in problems[1].reason] == [True, True]


def test_lhotse_cuts_count_times_from_their_start_and_mixed_cuts_are_problems(tmp_path: Path):
    candidates, problems = entries_of(LHOTSE, layouts.lhotse(tmp_path, cuts=True))
    piece = candidates[0].audio
    assert isinstance(piece, AudioPiece)
    assert (piece.start_s, piece.end_s, candidates[0].split_name) == (1.5, 2.5, "dev")
    assert "MixedCut" in problems[0].reason


def test_nemo_manifests_cut_by_offset_and_name_the_split(tmp_path: Path):
    candidates, problems = entries_of(NEMO, layouts.nemo(tmp_path))
    pieces = [c.audio for c in candidates if isinstance(c.audio, AudioPiece)]
    assert [(c.split_name, p.start_s, p.end_s, c.text) for c, p in zip(candidates, pieces, strict=True)] == [
        ("dev", 1.5, 3.0, "part"),
        ("train", 0, None, "whole"),
        ("train", 0, 1.5, "part"),
    ]
    assert [p.place for p in problems] == ["dev_manifest.json, line 2"]


def test_single_manifest_file_is_a_source(tmp_path: Path):
    folder = layouts.nemo(tmp_path)
    assert NEMO.recognises(folder / "train_manifest.json")
    assert len(entries_of(NEMO, folder / "train_manifest.json")[0]) == 2


@pytest.mark.parametrize("name", MAKERS)
def test_listing_without_text_has_empty_texts(name: str, tmp_path: Path):
    folder = MAKERS[name](tmp_path / "source")
    layout = next(layout for layout in FORMATS if layout.name == name)
    candidates, _ = entries_of(layout, folder, ListingOptions(no_text=True))
    assert candidates
    assert {c.text for c in candidates} == {""}
