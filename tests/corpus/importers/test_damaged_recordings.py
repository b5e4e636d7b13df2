"""A damaged recording gives the parts that are whole; the others are named."""

from pathlib import Path

from tests.corpus.importers.sources import run_import
from tests.encoded_sounds import damage, write_encoded
from tests.sounds import sine


def test_damaged_parts_of_a_recording_are_left_out_and_the_others_are_imported(tmp_path: Path):
    (tmp_path / "in").mkdir()
    damage(write_encoded(tmp_path / "in/a.mp3", sine(440, 10, 44_100, 0.5), "libmp3lame", 44_100), 0.5, 0.56)
    (tmp_path / "in/t.csv").write_text("file,text,start,end\na.mp3,One,0,2\na.mp3,Two,4,7\na.mp3,Three,8,9\n")
    result = run_import(tmp_path / "in", tmp_path / "out")
    assert [row.text for row in result.corpus.rows] == ["One", "Three"]
    assert [problem.reason for problem in result.problems] == ["its sound is damaged; copy or download the file again"]


def test_damaged_recording_with_one_text_is_left_out(tmp_path: Path):
    (tmp_path / "in").mkdir()
    for name in "ab":
        write_encoded(tmp_path / f"in/{name}.mp3", sine(440, 10, 44_100, 0.5), "libmp3lame", 44_100)
        (tmp_path / f"in/{name}.txt").write_text(f"Hello {name}")
    damage(tmp_path / "in/a.mp3", 0.5, 0.56)
    result = run_import(tmp_path / "in", tmp_path / "out")
    assert [row.text for row in result.corpus.rows] == ["Hello b"]
    assert "damaged" in result.problems[0].reason
