import re

from ui_components.train.run.log_view import LEVELS, SHOWN, STRIDE, log_html

HEAD = "2026-11-22 10:00:00,123"


def test_each_level_shows_its_own_and_graver_ones(tmp_path):
    (tmp_path / "log.txt").write_text(f"{HEAD} INFO qal: a\nbar 5%\n{HEAD} WARNING qal: b\n{HEAD} ERROR qal: c\n")
    kinds = {value: re.findall(r'<li class="(\w+)"', log_html(tmp_path / "log.txt", value, "")) for _, value in LEVELS}
    assert kinds == {
        "all": ["info", "plain", "warning", "error"],
        "info": ["info", "warning", "error"],
        "warnings": ["warning", "error"],
        "errors": ["error"],
    }


def test_words_are_found_and_nothing_is_markup(tmp_path):
    (tmp_path / "log.txt").write_text(f"{HEAD} INFO qal: <img src=x> one\n{HEAD} INFO qal: two\n")
    found = log_html(tmp_path / "log.txt", "all", " IMG ")
    assert "&lt;img src=x&gt; one" in found
    assert "two" not in found
    assert "Nothing in it is like that" in log_html(tmp_path / "log.txt", "all", "<b>absent")
    assert "<b>" not in log_html(tmp_path / "log.txt", "all", "<b>absent")


def test_the_page_stays_small_and_its_lines_stay_where_they_are(tmp_path):
    path, firsts = tmp_path / "log.txt", set()
    for count in range(SHOWN, SHOWN + 3 * STRIDE):
        path.write_text("".join(f"{HEAD} INFO qal: line {i}.\n" for i in range(count)))
        lines = re.findall(r"line (\d+)\.", log_html(path, "all", ""))
        assert lines[-1] == str(count - 1)
        assert len(lines) <= SHOWN + STRIDE
        firsts.add(lines[0])
    assert len(firsts) <= 4


def test_there_may_be_no_log_yet(tmp_path):
    assert "Nothing has been logged yet" in log_html(tmp_path / "log.txt", "all", "x")
