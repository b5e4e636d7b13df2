import pytest

from qal.engine.longform.segment import Segment
from qal.errors import AudioDecodeError, LanguageError, ModelError
from tests.ui_components.conftest import SilentProgress
from ui_components.transcribe import actions as transcribe_actions
from ui_components.widgets.audio_view.actions import AudioSelection

SEGMENTS = [Segment(0.5, 2.0, "Hello & good morning", "en", -0.2, 0.01)]


def test_file_that_is_not_audio_is_reported_by_name(studio, tmp_path):
    (tmp_path / "noise.wav").write_bytes(b"not audio" * 100)
    with pytest.raises(AudioDecodeError, match="noise"):
        transcribe_actions.transcribe(studio, str(tmp_path / "noise.wav"), "base", "", "auto", SilentProgress())


def test_missing_file_and_missing_model_say_what_to_do(studio):
    with pytest.raises(AudioDecodeError, match="choose"):
        transcribe_actions.transcribe(studio, None, "base", "", "auto", SilentProgress())
    with pytest.raises(ModelError, match="qal models fetch base-adaptive"):
        transcribe_actions.transcribe(studio, "a.wav", None, "", "auto", SilentProgress())


def test_transcript_has_segments_and_unknown_language_is_refused(studio, english_corpus, base_directory):
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s)
    path = str(english_corpus.audio_path(row))
    transcript = transcribe_actions.transcribe(studio, path, "base", "", "auto", SilentProgress())
    assert "English" in transcript.summary
    assert "<li" in transcript.transcript
    assert transcript.segments[0].text
    with pytest.raises(LanguageError):
        transcribe_actions.transcribe(studio, path, "base", "klingon", "auto", SilentProgress())


def test_only_the_selected_range_is_transcribed_with_times_of_the_file(studio, english_corpus, base_directory):
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s)
    path = english_corpus.audio_path(row)
    half_s = row.duration_s / 2

    def segments_of(selection: AudioSelection | None) -> list[Segment]:
        progress = SilentProgress()
        return transcribe_actions.transcribe(studio, str(path), "base", "en", "auto", progress, selection).segments

    full, second_half = segments_of(None), segments_of(AudioSelection(path, "a", half_s, row.duration_s))
    assert second_half[0].start_s >= half_s
    assert second_half[-1].end_s == pytest.approx(full[-1].end_s, abs=0.5)
    assert len(" ".join(s.text for s in second_half)) < len(" ".join(s.text for s in full))
    assert segments_of(AudioSelection(path.with_name("another.wav"), "b", half_s)) == full


@pytest.mark.parametrize(("form", "marker"), [("txt", "Hello"), ("srt", "00:00:00,500 -->"), ("vtt", "WEBVTT")])
def test_download_has_the_name_of_the_audio_file_and_the_format(studio, form, marker):
    file = transcribe_actions.subtitles(studio, SEGMENTS, "/somewhere/talk.mp3", form)
    assert file["name"] == f"talk.{form}"
    assert marker in file["text"]


def test_audio_without_speech_gives_advice():
    assert "No speech was found in talk.mp3" in transcribe_actions.summary_html([], 3.0, "talk.mp3")
