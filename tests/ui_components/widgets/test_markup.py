import pytest

from qal.captions.session import Caption, Level
from ui_components.live.fallback.session import Board
from ui_components.live.view import SHOWN_LINES, captions_html, meter_html, share_of_meter
from ui_components.widgets.markup import minutes, note_html, sentence_html, transcript_html

EVIL = "<img src=x onerror=alert(1)> & more"


def final(text: str, index: int = 0) -> Caption:
    return Caption(index, 61.0, 62.0, text, True)


def test_what_a_model_writes_is_never_markup():
    board = Board((final(EVIL),), Caption(1, 63, 64, EVIL, False))
    for shown in (captions_html(board), transcript_html([final(EVIL)]), note_html(EVIL), sentence_html(EVIL)):
        assert "<img" not in shown
        assert "&lt;img src=x onerror=alert(1)&gt; &amp; more" in shown


def test_finals_and_the_tentative_line_differ_and_carry_their_times():
    shown = captions_html(Board((final("done"),), Caption(1, 3723, 3724, "not yet", False)))
    assert '<li class="final"><time>1:01</time>' in shown
    assert '<li class="tentative"><time>1:02:03</time>' in shown


def test_the_page_stays_small_however_long_the_session():
    board = Board(tuple(final(f"line {i}", i) for i in range(SHOWN_LINES + 50)))
    assert captions_html(board).count("<li") == SHOWN_LINES


def test_an_empty_board_says_what_to_do():
    assert "Press <b>Record</b>" in captions_html(Board())


@pytest.mark.parametrize(("rms", "share"), [(0.0, 0.0), (1e-3, 0.0), (1.0, 1.0), (10**-1.5, 0.5)])
def test_the_meter_is_in_decibels(rms, share):
    assert share_of_meter(rms) == pytest.approx(share)


def test_the_meter_tells_an_open_gate_from_a_closed_one():
    assert ">speech<" in meter_html(Level(0.1, 0.9, True)).rpartition("qal-badge")[2]
    assert "listening" in meter_html(Level(0.1, 0.1, False))
    assert "microphone off" in meter_html(None)


@pytest.mark.parametrize(("seconds", "clock"), [(0, "0:00"), (75.9, "1:15"), (3723, "1:02:03")])
def test_clocks(seconds, clock):
    assert minutes(seconds) == clock


def test_a_note_marks_commands_and_an_empty_one_is_nothing():
    assert note_html("run `make setup`") == '<div class="qal-note">run <code>make setup</code></div>'
    assert note_html("") == ""


@pytest.mark.parametrize(
    ("message", "sentence"),
    [("choose a run", "Choose a run."), ("a.wav: broken", "a.wav: broken."), ("Really?", "Really?")],
)
def test_errors_are_sentences_and_file_names_keep_their_letters(message, sentence):
    assert sentence_html(message) == sentence
