from pathlib import Path

import pytest

from qal.jobs.log_tail import MAX_RECORD, TRACEBACK, matching, records, tail

HEAD = "2026-11-22 10:00:00,123"
TRACE = f"""{TRACEBACK}
  File "x.py", line 1, in <module>
    f()
ValueError: <no> good"""
CHAIN = f"""{TRACE}

During handling of the above exception, another exception occurred:

{TRACEBACK}
  File "y.py", line 2, in g
RuntimeError: worse"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "log.txt"
    path.write_bytes(text.encode())
    return path


def test_levels_are_those_of_the_log_and_bars_have_none():
    found = records(
        f"{HEAD} INFO qal: begun\n{HEAD} WARNING qal.data: odd row\n{HEAD} ERROR qal: broken\nplain words\n"
    )
    assert [r.rank for r in found] == [1, 2, 3, None]
    assert [len(matching(found, least, "")) for least in (None, 1, 2, 3)] == [4, 3, 2, 1]


def test_a_bar_is_its_last_state_and_a_record_behind_it_stands_alone():
    bar = "\rtrain: 1%|#\rtrain: 2%|##\x1b[A\rtrain: 3%|###"
    assert [r.text for r in records(bar + "\n")] == ["train: 3%|###"]
    found = records(f"{bar}{HEAD} WARNING qal: skipped\nafter\r\n")
    assert [(r.text, r.rank) for r in found] == [
        ("train: 3%|###", None),
        (f"{HEAD} WARNING qal: skipped", 2),
        ("after", None),
    ]


@pytest.mark.parametrize("trace", [TRACE, CHAIN], ids=["one", "chained"])
def test_a_traceback_stays_with_its_record(trace):
    chained = trace.replace("\n\n", "\n")
    found = records(f"{HEAD} ERROR qal: the job failed\n{trace}\n{HEAD} INFO qal: gone on\n")
    assert [(r.text, r.rank) for r in found] == [
        (f"{HEAD} ERROR qal: the job failed\n{chained}", 3),
        (f"{HEAD} INFO qal: gone on", 1),
    ]
    assert matching(found, 3, "no> GOOD") == found[:1]


def test_a_traceback_that_nobody_logged_is_an_error_of_its_own():
    found = records(f"{HEAD} INFO qal: begun\n{TRACE}\nbye\n")
    assert [r.rank for r in found] == [1, 3, None]
    assert found[1].text == TRACE


def test_a_log_of_any_size_costs_the_same(tmp_path):
    path = write(tmp_path, f"{HEAD} INFO qal: the end\n")
    with path.open("r+b") as file:
        end = file.read()
        file.seek(2**30)
        file.write(b"\ncut line" + b"\n" + end)
    text, cut = tail(path, 1000)
    assert cut
    assert len(text) <= 1000
    assert [r.text for r in records(text)][-1] == end.decode().strip()
    assert text.startswith("cut line")


def test_one_endless_line_shows_its_end(tmp_path):
    path = write(tmp_path, "".join(f"\rtrain: {i}" for i in range(10_000)))
    text, cut = tail(path, 1000)
    assert cut
    assert [r.text for r in records(text)] == ["train: 9999"]
    assert len(records("x" * 10**6)[0].text) == MAX_RECORD


def test_no_file_is_an_empty_log(tmp_path):
    assert tail(tmp_path / "none") == ("", False)
    assert records("") == []


def test_what_is_no_text_does_no_harm(tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(bytes(range(256)) * 20)
    assert all("\x00" not in r.text and "\x1b" not in r.text for r in records(tail(path)[0]))
