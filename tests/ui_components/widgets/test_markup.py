import pytest

from qal.captions.final_captions import Caption
from ui_components.widgets.markup import minutes, note_html, sentence_html, transcript_html

XSS = "<img src=x onerror=alert(1)> & more"


def final(text: str, index: int = 0) -> Caption:
    return Caption(index, 61.0, 62.0, text, True)


def test_model_output_is_escaped():
    for shown in (
        transcript_html([final(XSS)]),
        note_html(XSS),
        sentence_html(XSS),
    ):
        assert "<img" not in shown
        assert "&lt;img src=x onerror=alert(1)&gt; &amp; more" in shown


def test_lines_of_a_transcript_have_times():
    assert '<li class="final"><time>1:01</time>' in transcript_html([final("done")])


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
