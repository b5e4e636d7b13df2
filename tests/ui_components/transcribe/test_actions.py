import gradio as gr
import pytest

from qal.engine.longform import Segment
from qal.errors import AudioDecodeError, LanguageError, ModelError
from ui_components.transcribe import actions as transcribe_actions
from ui_components.widgets.audio_view.actions import Sound

SEGMENTS = [Segment(0.5, 2.0, "Hello & good morning", "en", -0.2, 0.01)]


class Silent(gr.Progress):
    """A progress bar that nobody looks at."""

    def __call__(self, *_, **__) -> None: ...


def test_an_unreadable_file_is_the_users_error(studio, tmp_path):
    (tmp_path / "noise.wav").write_bytes(b"not audio" * 100)
    with pytest.raises(AudioDecodeError, match="noise"):
        transcribe_actions.transcribe(studio, str(tmp_path / "noise.wav"), "base", "", "auto", Silent())


def test_no_file_and_no_model_say_what_to_do(studio):
    with pytest.raises(AudioDecodeError, match="choose"):
        transcribe_actions.transcribe(studio, None, "base", "", "auto", Silent())
    with pytest.raises(ModelError, match="make setup"):
        transcribe_actions.transcribe(studio, "a.wav", None, "", "auto", Silent())


def test_speech_becomes_lines_and_a_wrong_language_is_refused(studio, english_corpus, base_directory):
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s)
    path = str(english_corpus.audio_path(row))
    summary, lines, segments, _ = transcribe_actions.transcribe(studio, path, "base", "", "auto", Silent())
    assert "English" in summary
    assert "<li" in lines
    assert segments[0].text
    with pytest.raises(LanguageError):
        transcribe_actions.transcribe(studio, path, "base", "klingon", "auto", Silent())


def test_only_the_chosen_stretch_is_transcribed_and_its_times_are_the_files(studio, english_corpus, base_directory):
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s)
    path = english_corpus.audio_path(row)
    half_s = row.duration_s / 2

    def heard(sound: Sound | None) -> list[Segment]:
        return transcribe_actions.transcribe(studio, str(path), "base", "en", "auto", Silent(), sound)[2]

    whole, end = heard(None), heard(Sound(path, "a", half_s, row.duration_s))
    assert end[0].start_s >= half_s
    assert end[-1].end_s == pytest.approx(whole[-1].end_s, abs=0.5)
    assert len(" ".join(s.text for s in end)) < len(" ".join(s.text for s in whole))
    assert heard(Sound(path.with_name("another.wav"), "b", half_s)) == whole


@pytest.mark.parametrize(("form", "marks"), [("txt", "Hello"), ("srt", "00:00:00,500 -->"), ("vtt", "WEBVTT")])
def test_downloads_have_the_files_name_and_form(studio, form, marks):
    made = transcribe_actions.subtitles(studio, SEGMENTS, "/somewhere/talk.mp3", form)
    assert made["name"] == f"talk.{form}"
    assert marks in made["text"]


def test_silence_is_told_in_a_sentence():
    assert "No speech was found in talk.mp3" in transcribe_actions.summary_html([], 3.0, "talk.mp3")
