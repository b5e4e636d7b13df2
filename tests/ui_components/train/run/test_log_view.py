import re

from ui_components.train.run.log_view import LEVEL_CHOICES, MAX_RECORDS, STRIDE, log_html

HEAD = "2026-11-22 10:00:00,123"


def test_each_level_shows_records_of_that_level_and_above(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text(f"{HEAD} INFO qal: a\nbar 5%\n{HEAD} WARNING qal: b\n{HEAD} ERROR qal: c\n")
    classes = {level: re.findall(r'<li class="(\w+)"', log_html(path, level, "")) for _, level in LEVEL_CHOICES}
    assert classes == {
        "all": ["info", "plain", "warning", "error"],
        "info": ["info", "warning", "error"],
        "warnings": ["warning", "error"],
        "errors": ["error"],
    }


def test_log_search_finds_text_and_everything_is_escaped(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text(f"{HEAD} INFO qal: <img src=x> one\n{HEAD} INFO qal: two\n")
    log = log_html(path, "all", " IMG ")
    assert "&lt;img src=x&gt; one" in log
    assert "two" not in log
    assert "No matching records." in log_html(path, "all", "<b>absent")
    assert "<b>" not in log_html(path, "all", "<b>absent")


def test_number_of_log_records_is_limited_and_the_first_record_rarely_changes(tmp_path):
    path, first_lines = tmp_path / "log.txt", set()
    for count in range(MAX_RECORDS, MAX_RECORDS + 3 * STRIDE):
        path.write_text("".join(f"{HEAD} INFO qal: line {i}.\n" for i in range(count)))
        lines = re.findall(r"line (\d+)\.", log_html(path, "all", ""))
        assert lines[-1] == str(count - 1)
        assert len(lines) <= MAX_RECORDS + STRIDE
        first_lines.add(lines[0])
    assert len(first_lines) <= 4


def test_missing_log_file_is_shown_as_empty(tmp_path):
    assert "The log is empty." in log_html(tmp_path / "log.txt", "all", "x")
