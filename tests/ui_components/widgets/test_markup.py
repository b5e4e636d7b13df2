import pytest

from qal.captions.final_captions import Caption
from qal.captions.session import InputLevel
from ui_components.live.fallback.session import CaptionState
from ui_components.live.view import MAX_SHOWN_LINES, captions_html, meter_html, meter_share
from ui_components.widgets.markup import minutes, note_html, sentence_html, transcript_html

XSS = "<img src=x onerror=alert(1)> & more"


def final(text: str, index: int = 0) -> Caption:
    return Caption(index, 61.0, 62.0, text, True)


def test_model_output_is_escaped():
    board = CaptionState((final(XSS),), Caption(1, 63, 64, XSS, False))
    for shown in (
        captions_html(board),
        transcript_html([final(XSS)]),
        note_html(XSS),
        sentence_html(XSS),
    ):
        assert "<img" not in shown
        assert "&lt;img src=x onerror=alert(1)&gt; &amp; more" in shown


def test_final_and_tentative_captions_have_times_and_own_classes():
    shown = captions_html(CaptionState((final("done"),), Caption(1, 3723, 3724, "not yet", False)))
    assert '<li class="final"><time>1:01</time>' in shown
    assert '<li class="tentative"><time>1:02:03</time>' in shown


def test_captions_show_only_the_last_lines_of_a_long_session():
    board = CaptionState(tuple(final(f"line {i}", i) for i in range(MAX_SHOWN_LINES + 50)))
    assert captions_html(board).count("<li") == MAX_SHOWN_LINES


def test_empty_captions_say_what_to_do():
    assert "Press <b>Record</b>" in captions_html(CaptionState())


@pytest.mark.parametrize(("rms", "share"), [(0.0, 0.0), (1e-3, 0.0), (1.0, 1.0), (10**-1.5, 0.5)])
def test_level_meter_is_in_decibels(rms, share):
    assert meter_share(rms) == pytest.approx(share)


def test_level_meter_shows_whether_the_gate_is_open():
    assert ">Speech detected<" in meter_html(InputLevel(0.1, 0.9, True)).rpartition("qal-badge")[2]
    assert "Listening" in meter_html(InputLevel(0.1, 0.1, False))
    assert "Stopped" in meter_html(None)


@pytest.mark.parametrize(("seconds", "clock"), [(0, "0:00"), (75.9, "1:15"), (3723, "1:02:03")])
def test_minutes_formats_durations(seconds, clock):
    assert minutes(seconds) == clock


def test_note_marks_code_and_an_empty_note_is_empty():
    assert note_html("run `make setup`") == '<div class="qal-note">run <code>make setup</code></div>'
    assert note_html("") == ""


@pytest.mark.parametrize(
    ("message", "sentence"),
    [("choose a run", "Choose a run."), ("a.wav: broken", "a.wav: broken."), ("Really?", "Really?")],
)
def test_error_sentence_is_capitalised_except_file_names(message, sentence):
    assert sentence_html(message) == sentence
