from pathlib import Path

import pytest

from qal.jobs.log_tail import MAX_RECORD_CHARS, TRACEBACK, LogTail, filter_records, parse_records, read_tail

HEADER = "2026-11-22 10:00:00,123"
PLAIN_TRACEBACK = f"""{TRACEBACK}
  File "x.py", line 1, in <module>
    f()
ValueError: <no> good"""
CHAINED_TRACEBACK = f"""{PLAIN_TRACEBACK}

During handling of the above exception, another exception occurred:

{TRACEBACK}
  File "y.py", line 2, in g
RuntimeError: worse"""


def write_log(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "log.txt"
    path.write_bytes(text.encode())
    return path


def test_severity_is_the_level_of_the_log_and_none_for_other_output():
    records = parse_records(
        f"{HEADER} INFO qal: begun\n{HEADER} WARNING qal.data: odd row\n{HEADER} ERROR qal: broken\nplain words\n"
    )
    assert [r.severity for r in records] == [1, 2, 3, None]
    assert [len(filter_records(records, severity, "")) for severity in (None, 1, 2, 3)] == [4, 3, 2, 1]


def test_progress_bar_shows_its_last_state_and_a_record_on_its_line_is_separate():
    bar = "\rtrain: 1%|#\rtrain: 2%|##\x1b[A\rtrain: 3%|###"
    assert [r.text for r in parse_records(bar + "\n")] == ["train: 3%|###"]
    records = parse_records(f"{bar}{HEADER} WARNING qal: skipped\nafter\r\n")
    assert [(r.text, r.severity) for r in records] == [
        ("train: 3%|###", None),
        (f"{HEADER} WARNING qal: skipped", 2),
        ("after", None),
    ]


@pytest.mark.parametrize("traceback", [PLAIN_TRACEBACK, CHAINED_TRACEBACK], ids=["one", "chained"])
def test_traceback_belongs_to_the_error_record_before_it(traceback):
    without_empty_lines = traceback.replace("\n\n", "\n")
    records = parse_records(f"{HEADER} ERROR qal: the job failed\n{traceback}\n{HEADER} INFO qal: resumed\n")
    assert [(r.text, r.severity) for r in records] == [
        (f"{HEADER} ERROR qal: the job failed\n{without_empty_lines}", 3),
        (f"{HEADER} INFO qal: resumed", 1),
    ]
    assert filter_records(records, 3, "no> GOOD") == records[:1]


def test_traceback_without_an_error_record_is_a_record_of_severity_error():
    records = parse_records(f"{HEADER} INFO qal: begun\n{PLAIN_TRACEBACK}\nbye\n")
    assert [r.severity for r in records] == [1, 3, None]
    assert records[1].text == PLAIN_TRACEBACK


def test_only_the_tail_of_a_large_log_is_read(tmp_path):
    path = write_log(tmp_path, f"{HEADER} INFO qal: the end\n")
    with path.open("r+b") as file:
        end = file.read()
        file.seek(2**30)
        file.write(b"\ncut line" + b"\n" + end)
    tail = read_tail(path, 1000)
    assert tail.is_truncated
    assert len(tail.text) <= 1000
    assert [r.text for r in parse_records(tail.text)][-1] == end.decode().strip()
    assert tail.text.startswith("cut line")


def test_line_longer_than_the_tail_shows_its_end(tmp_path):
    path = write_log(tmp_path, "".join(f"\rtrain: {i}" for i in range(10_000)))
    tail = read_tail(path, 1000)
    assert tail.is_truncated
    assert [r.text for r in parse_records(tail.text)] == ["train: 9999"]
    assert len(parse_records("x" * 10**6)[0].text) == MAX_RECORD_CHARS


def test_missing_log_file_is_an_empty_log(tmp_path):
    assert read_tail(tmp_path / "none") == LogTail("", is_truncated=False)
    assert parse_records("") == []


def test_binary_content_gives_records_without_control_characters(tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(bytes(range(256)) * 20)
    assert all("\x00" not in r.text and "\x1b" not in r.text for r in parse_records(read_tail(path).text))
