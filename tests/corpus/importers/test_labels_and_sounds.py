"""Labels of speakers and descriptions of sounds in the texts of tables are not what is spoken."""

from pathlib import Path

import pytest

from qal.corpus.importers.import_source import preview
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.importers.results import Preview
from qal.corpus.importers.timed.cue_text import recurring_labels, without_sounds
from tests.corpus.importers.sources import run_import, texts, write_clips


def write_table(folder: Path, rows: list[str], more: str = "") -> Path:
    """Writes a table of clips with these texts; `more` is a further column with its value in each row."""
    write_clips(folder, [f"{i}.wav" for i in range(len(rows))])
    name, _, value = more.partition("=")
    lines = [f"file,text{',' + name if more else ''}"]
    lines += [f'{i}.wav,"{text}"{"," + value if more else ""}' for i, text in enumerate(rows)]
    (folder / "clips.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def previewed(folder: Path) -> Preview:
    return preview(folder, ListingOptions("en"))


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("[laughter] Come in.", "Come in."),
        ("Come [coughs] in.", "Come in."),
        ("(music) Come in. (door closes)", "Come in."),
        ("♪ la la ♪ Come in.", "Come in."),
        ("Come in. ♪", "Come in."),
        ("[laughter]", ""),
        ("(music)", ""),
        ("(5 seconds of silence)", ""),
        ("♪", ""),
        ("♪ la la la", ""),
        ("*sighs*", ""),
        ("【拍手】你好", "你好"),
        ("He said (and I agree) that", "He said (and I agree) that"),
        ("The bank (founded in 1863)", "The bank (founded in 1863)"),
        ("Two times three * four", "Two times three * four"),
        ("Plain text: 5:30", "Plain text: 5:30"),
    ],
)
def test_descriptions_of_sounds_in_a_text_are_removed(text: str, spoken: str):
    assert without_sounds(text) == spoken


def test_recurring_labels_of_a_table_become_its_speakers_and_the_dry_run_counts_them(tmp_path: Path):
    rows = ["Anna: Come in.", "BEN: Hello.", "Anna: Sit down.", "BEN: Thanks.", "Anna: Tea?", "BEN: Yes.", "Note: this"]
    found = previewed(write_table(tmp_path, rows))
    assert [(row.speaker, row.text) for row in found.rows][:2] == [("Anna", "Come in."), ("Ben", "Hello.")]
    assert (found.rows[-1].speaker, found.rows[-1].text) == ("", "Note: this")
    assert found.speakers == 2
    assert "6 examples: the name of its speaker was removed from its text." in found.notes


@pytest.mark.parametrize(
    "rows",
    [
        ["Remember: this", "Please note: that", "One thing: go", "Anna: yes", "no label", "again none"],
        ["Anna: one", "Anna: two", "Anna: three", *[f"a plain sentence {i}" for i in range(20)]],
    ],
)
def test_labels_that_do_not_recur_in_most_rows_stay_in_the_texts(tmp_path: Path, rows: list[str]):
    found = previewed(write_table(tmp_path, rows))
    assert [row.text for row in found.rows] == rows[: len(found.rows)]
    assert not recurring_labels(rows)


def test_labels_stay_in_a_table_with_a_column_of_speakers(tmp_path: Path):
    found = previewed(write_table(tmp_path, ["Anna: a", "Anna: b", "Anna: c"], more="speaker=Eva"))
    assert [(row.speaker, row.text) for row in found.rows] == [("Eva", f"Anna: {letter}") for letter in "abc"]


def test_row_with_a_description_alone_is_left_out_with_its_reason_and_is_no_fault(tmp_path: Path):
    rows = ["[laughter] Come in.", "[applause]", "♪ la la ♪", "(music)", "Hello."]
    source = write_table(tmp_path / "in", rows)
    found = previewed(source)
    assert [row.text for row in found.rows] == ["Come in.", "Hello."]
    assert "1 example: the description of a sound was removed from its text." in found.notes
    reasons = [str(problem) for problem in found.problems]
    assert reasons[0] == "clips.csv, line 3: nothing is spoken in it ([applause]); it is left out"
    assert len(reasons) == 3
    assert not any(problem.is_fault for problem in found.problems)
    assert texts(run_import(source, tmp_path / "out", max_problem_share=0.0)) == ["Come in.", "Hello."]


def test_descriptions_in_texts_beside_clips_are_removed_too(tmp_path: Path):
    write_clips(tmp_path, ["a.wav", "b.wav", "c.wav"])
    (tmp_path / "a.txt").write_text("[laughter] Come in.", encoding="utf-8")
    (tmp_path / "b.txt").write_text("(music)", encoding="utf-8")
    (tmp_path / "c.json").write_text('{"text": "Hello. [door closes]"}', encoding="utf-8")
    found = previewed(tmp_path)
    assert [row.text for row in found.rows] == ["Come in.", "Hello."]
    assert [problem.is_fault for problem in found.problems] == [False]
