"""Queries over a corpus: pages, filters, full-text search, histograms, counts; and edits of its rows."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qal.corpus.edit import MOVED_BY_HAND, RowEdit, add_mark, edit_rows, remove_mark
from qal.corpus.manifest import Origin, Row, read_corpus, write_corpus
from qal.corpus.quality.measures import (
    AGREEMENT_FILE,
    QUALITY_FILE,
    Agreement,
    AudioMeasures,
    append_measures,
    read_measures,
)
from qal.corpus.query import (
    Amount,
    Range,
    RowFilter,
    amounts,
    characters,
    find_example,
    find_page,
    histogram,
    mark_counts,
    matching_audio,
    measured_count,
    vocabulary,
    vocabulary_size,
)
from qal.errors import CorpusError

TEXTS = ["Hello world", "Привет, мир!", "ሰላም ለዓለም", "今日は良い天気です", "Don't stop", "Việt Nam", "hello again"]


def sha(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "odd [name]*?"
    rows = [
        Row(
            audio=f"audio/{i}.wav",
            text=text,
            language="en" if text.isascii() else "am",
            speaker=f"s{i % 2}" if i else "",
            duration_s=i + 0.5,
            split="test" if i == 3 else "train",
            sha256=sha(i),
            marks=("noisy",) if i == 5 else (),
        )
        for i, text in enumerate(TEXTS)
    ]
    write_corpus(folder, Origin(name="c"), rows)
    for row in rows:
        (folder / row.audio).parent.mkdir(exist_ok=True)
        (folder / row.audio).touch()
    return folder


def found(folder: Path, **wanted) -> list[str]:
    return [example.row.text for example in find_page(folder, RowFilter(**wanted)).examples]


def test_page_holds_rows_as_the_manifest_has_them(folder):
    page = find_page(folder)
    assert tuple(example.row for example in page.examples) == read_corpus(folder).rows
    assert (page.total, page.number, page.duration_s) == (7, 0, 24.5)
    assert page.examples[0].measures["snr_db"] is None


def test_pages_join_to_all_rows_and_the_last_page_is_shown_beyond_the_end(folder):
    pages = [find_page(folder, number=n, size=3) for n in range(3)]
    assert [e.index for p in pages for e in p.examples] == list(range(7))
    assert find_page(folder, number=99, size=3) == pages[2]
    assert find_page(folder, RowFilter(search="nowhere"), number=5).examples == []


@pytest.mark.parametrize(
    ("search", "texts"),
    [
        ("hello", [TEXTS[0], TEXTS[6]]),
        ("HELLO wor", [TEXTS[0]]),
        ("ПРИВЕТ", [TEXTS[1]]),
        ("ለዓለም", [TEXTS[2]]),
        ("天気", [TEXTS[3]]),
        ("Vie\u0323\u0302t", [TEXTS[5]]),  # decomposed
        ("don't", [TEXTS[4]]),
        ("'; DROP TABLE examples; --", []),
        ("%", []),
        ("\ud800", []),
        ("\0", []),
        ("audio/4", [TEXTS[4]]),
    ],
)
def test_full_text_search_finds_parts_of_words_in_every_script(folder, search, texts):
    assert found(folder, search=search) == texts
    assert len(find_page(folder).examples) == 7


def test_filters_by_split_speaker_language_marks_and_ranges(folder):
    assert found(folder, splits=("test",)) == [TEXTS[3]]
    assert found(folder, speakers=("s1", "")) == [TEXTS[0], TEXTS[1], TEXTS[3], TEXTS[5]]
    assert found(folder, languages=("en",)) == [TEXTS[0], TEXTS[4], TEXTS[6]]
    assert found(folder, marks=("noisy",)) == found(folder, marked=True) == [TEXTS[5]]
    assert len(found(folder, marked=False)) == 6
    assert found(folder, ranges={"duration_s": Range(1.5, 2.5)}) == TEXTS[1:3]
    assert found(folder, ranges={"snr_db": Range(0)}) == []
    assert matching_audio(folder, RowFilter(languages=("en",)), 2) == ["audio/0.wav", "audio/4.wav"]


@pytest.mark.parametrize("name", ["nothing", "duration_s; DROP TABLE examples", "", "marks) --"])
def test_unknown_columns_are_refused(folder, name):
    with pytest.raises(CorpusError, match="not a column"):
        find_page(folder, sort=name)
    with pytest.raises(CorpusError, match="not a column"):
        find_page(folder, RowFilter(ranges={name: Range(0, 1)}))
    with pytest.raises(CorpusError, match="not a column"):
        histogram(folder, name)


def test_rows_without_a_value_come_last_in_both_directions(folder):
    append_measures(
        folder / QUALITY_FILE, [AudioMeasures(sha256=sha(2), snr_db=5), AudioMeasures(sha256=sha(4), snr_db=9)]
    )
    for descending, first in ((False, [2, 4]), (True, [4, 2])):
        page = find_page(folder, sort="snr_db", descending=descending)
        assert [e.index for e in page.examples] == [*first, 0, 1, 3, 5, 6]
    assert measured_count(folder, "snr_db") == 2


def test_measures_are_found_by_audio_hash_and_agreement_also_by_text(folder):
    append_measures(
        folder / QUALITY_FILE, [AudioMeasures(sha256=sha(0), snr_db=1), AudioMeasures(sha256=sha(0), snr_db=3)]
    )
    agreement = Agreement(sha256=sha(0), text=TEXTS[0], model="base", heard="hello", wer=0.5, disagreement=2)
    append_measures(folder / AGREEMENT_FILE, [agreement])
    example = find_example(folder, "audio/0.wav")
    assert (example.measures["snr_db"], example.measures["wer"], example.texts["heard"]) == (3, 0.5, "hello")
    edit_rows(folder, [RowEdit(audio="audio/0.wav", text="Hello")])
    example = find_example(folder, "audio/0.wav")
    assert (example.measures["snr_db"], example.measures["wer"]) == (3, None)


def test_torn_line_of_measures_is_skipped_and_the_next_append_is_whole(folder):
    path = folder / QUALITY_FILE
    append_measures(path, [AudioMeasures(sha256=sha(0), snr_db=1)])
    path.write_bytes(path.read_bytes() + b'{"sha256": "ab')
    assert measured_count(folder, "snr_db") == 1
    append_measures(path, [AudioMeasures(sha256=sha(1), snr_db=2)])
    assert [m.snr_db for m in read_measures(path, AudioMeasures)] == [1, 2]
    assert measured_count(folder, "snr_db") == 2


def test_histogram_counts_every_measured_row_once(folder):
    bins = histogram(folder, "duration_s", bins=3)
    assert [b.count for b in bins] == [2, 2, 3]
    assert (bins[0].low, bins[-1].high) == (0.5, 6.5)
    assert histogram(folder, "snr_db") == []
    assert sum(b.count for b in histogram(folder, "duration_s", RowFilter(search="hello"))) == 2
    assert histogram(folder, "duration_s", RowFilter(splits=("test",)))[0].count == 1


def test_vocabulary_and_characters_are_counted(folder):
    words = {count.text: (count.count, count.examples) for count in vocabulary(folder)}
    assert words["hello"] == (2, 2)
    assert "don't" in words
    assert "việt" in words
    assert "мир" in words
    assert vocabulary_size(folder, RowFilter(languages=("en",))) == (5, 6)
    assert {count.text: count.count for count in characters(folder)}["H"] == 1


def test_amounts_and_marks_are_counted(folder):
    by_speaker = {amount.name: amount for amount in amounts(folder, "speaker")}
    assert by_speaker["s1"] == Amount("s1", 3, 10.5, 1)
    assert sum(amount.examples for amount in amounts(folder, "language")) == 7
    assert mark_counts(folder) == {"noisy": 1}


def test_invalid_manifest_line_is_named(folder):
    with (folder / "manifest.jsonl").open("a") as file:
        file.write('{"audio": \n')
    with pytest.raises(CorpusError, match="line 8"):
        find_page(folder)


def test_missing_corpus_raises_the_error_of_reading(tmp_path):
    with pytest.raises(CorpusError, match="not a dataset"):
        find_page(tmp_path)


def test_edits_change_text_split_and_marks_and_nothing_else(folder):
    before = read_corpus(folder)
    edits = [
        RowEdit(audio="audio/0.wav", text=" Good \n day ", seen_text=TEXTS[0]),
        RowEdit(audio="audio/1.wav", split="validation", add_marks=("wrong text", "wrong text")),
        RowEdit(audio="audio/5.wav", remove_marks=("noisy",)),
    ]
    corpus = edit_rows(folder, edits)
    assert corpus == read_corpus(folder)
    assert corpus.info.version != before.info.version
    assert [row.text for row in corpus.rows[:2]] == ["Good day", TEXTS[1]]
    assert (corpus.rows[1].split, corpus.rows[1].marks, corpus.rows[5].marks) == ("validation", ("wrong text",), ())
    assert corpus.rows[2:5] == before.rows[2:5]
    assert corpus.info.split_note == MOVED_BY_HAND
    assert find_page(folder, RowFilter(marked=True)).examples[0].row.audio == "audio/1.wav"


def test_marked_rows_are_not_selected_and_marks_can_be_removed(folder):
    add_mark(folder, ["audio/0.wav", "audio/1.wav"], "doubtful")
    corpus = read_corpus(folder)
    assert len(corpus.rows) == 7
    assert len(corpus.select("train")) == 3
    remove_mark(folder, ["audio/0.wav"], "doubtful")
    remove_mark(folder, ["audio/1.wav", "audio/5.wav"])
    assert len(read_corpus(folder).select("train")) == 6


def test_edit_of_a_text_that_changed_meanwhile_is_refused_and_changes_nothing(folder):
    edit_rows(folder, [RowEdit(audio="audio/0.wav", text="mine", seen_text=TEXTS[0])])
    before = (folder / "manifest.jsonl").read_bytes()
    late = [RowEdit(audio="audio/1.wav", text="x"), RowEdit(audio="audio/0.wav", text="theirs", seen_text=TEXTS[0])]
    with pytest.raises(CorpusError, match="changed by someone else"):
        edit_rows(folder, late)
    assert (folder / "manifest.jsonl").read_bytes() == before


@pytest.mark.parametrize("mark", ["", " ", "x" * 81])
def test_unusable_marks_and_unknown_rows_are_refused(folder, mark):
    with pytest.raises(CorpusError, match="mark has"):
        add_mark(folder, ["audio/0.wav"], mark)
    with pytest.raises(CorpusError, match="no example"):
        add_mark(folder, ["audio/none.wav"], "noisy")


def test_edits_of_several_writers_at_once_are_all_kept(folder):
    with ThreadPoolExecutor(7) as pool:
        list(pool.map(lambda i: add_mark(folder, [f"audio/{i}.wav"], f"mark {i}"), range(7)))
    assert all(f"mark {i}" in row.marks for i, row in enumerate(read_corpus(folder).rows))
    assert sorted(json.loads((folder / "corpus.json").read_bytes())["utterances"].values()) == [0, 1, 6]
