import os
import time
import wave
from pathlib import Path
from urllib.parse import unquote

import gradio as gr
import numpy as np
import pytest

from qal.errors import AudioDecodeError, OptionError
from tests.fakes import noise
from tests.sounds import sine, write_audio
from ui_components.app.open_page import PageClosedError
from ui_components.widgets.audio_view import actions
from ui_components.widgets.audio_view.served_audio import FOLDER_NAME, MAX_AGE_S, file_url, new_served_file


def event(data):
    return gr.EventData(None, data)


def file_of(url: str) -> Path:
    return Path(unquote(url.removeprefix("gradio_api/file=")))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))


def test_wav_file_is_played_without_a_copy(tmp_path):
    path = write_audio(tmp_path / "my sound#1.wav", sine(440, 1))
    update = actions.open_file(path, "title")
    assert update.view
    assert file_of(update.view["url"]) == path
    assert "#" not in update.view["url"]
    assert update.selection == actions.AudioSelection(path, "my sound#1")


def test_format_without_exact_seeking_is_converted_to_a_wav_copy(tmp_path):
    path = write_audio(tmp_path / "a.wav", np.stack([noise(44_100)] * 2), 44_100)
    renamed = path.rename(tmp_path / "a.bin")
    view = actions.open_file(renamed, "").view
    assert view
    assert file_of(view["url"]) == renamed  # the content counts, not the suffix
    path.write_bytes(mu_law(renamed))
    view = actions.open_file(path, "", details="clip 1").view
    assert view
    assert file_of(view["url"]).parent.parent == (tmp_path / "cache" / FOLDER_NAME).resolve()
    assert view["details"].startswith("clip 1\nPlayback uses the model's input")


def mu_law(path: Path) -> bytes:
    """The audio in mu-law encoding, which not every browser plays."""
    import io

    import av

    file = io.BytesIO()
    with av.open(str(path)) as source, av.open(file, "w", format="wav") as target:
        stream = target.add_stream("pcm_mulaw", 8000, layout="mono")
        resampler = av.AudioResampler("s16", "mono", 8000)
        for frame in [*source.decode(audio=0), None]:
            for resampled in resampler.resample(frame):
                target.mux(stream.encode(resampled))
        target.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("content", [b"", b"<html>not audio" * 50])
def test_file_that_is_not_audio_gives_one_error_sentence(tmp_path, content):
    path = tmp_path / "x.mp3"
    path.write_bytes(content)
    with pytest.raises(AudioDecodeError, match=r"x\.mp3"):
        actions.open_file(path, "")


def test_file_above_the_size_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(actions, "MAX_FILE_BYTES", 10)
    with pytest.raises(AudioDecodeError, match="larger than"):
        actions.open_file(write_audio(tmp_path / "a.wav", sine(440, 1)), "")


def test_selection_is_downloaded_as_wav_named_after_file_and_times(tmp_path, studio):
    path = write_audio(tmp_path / "a.wav", sine(440, 3, 44_100), 44_100)
    cut = actions.cut_selection(studio, actions.AudioSelection(path, "a"), event({"start_s": 1.0, "end_s": 2.5}))
    assert cut["name"] == "a-1.00-2.50.wav"
    with wave.open(str(file_of(cut["url"]))) as file:
        assert file.getnframes() == 1.5 * 44_100


@pytest.mark.parametrize(
    "data",
    [None, {}, {"start_s": 1}, {"start_s": 2, "end_s": 1}, {"start_s": -1, "end_s": 1}, {"start_s": "0", "end_s": "1"},
     {"start_s": 0, "end_s": float("inf")}, {"start_s": float("nan"), "end_s": 1}],
)  # fmt: skip
def test_invalid_time_range_from_the_browser_is_refused(tmp_path, studio, data):
    selection = actions.AudioSelection(write_audio(tmp_path / "a.wav", sine(440, 3)), "a")
    for handler in (actions.cut_selection, actions.select_range):
        with pytest.raises(OptionError):
            handler(studio, selection, event(data))


def test_selected_range_is_stored(studio):
    full = actions.AudioSelection(Path("a.wav"), "a")
    selection = actions.select_range(studio, full, event({"start_s": 0.5, "end_s": 1.5}))
    assert selection
    assert (selection.start_s, selection.end_s, selection.is_full_file) == (0.5, 1.5, False)


def test_download_of_a_selection_needs_a_file(studio):
    with pytest.raises(OptionError, match="choose an audio file first"):
        actions.cut_selection(studio, None, event({"start_s": 0, "end_s": 1}))


def test_cutting_a_selection_stops_when_its_page_is_closed(tmp_path, studio, monkeypatch):
    def closed_page() -> None:
        raise PageClosedError

    monkeypatch.setattr(actions, "require_open_page", closed_page)
    selection = actions.AudioSelection(write_audio(tmp_path / "a.wav", sine(440, 3)), "a")
    with pytest.raises(PageClosedError):
        actions.cut_selection(studio, selection, event({"start_s": 0.5, "end_s": 1.5}))


def test_served_files_are_deleted_when_they_are_too_old():
    old, young = new_served_file("old.wav"), new_served_file("young.wav")
    for path in (old, young):
        path.write_bytes(b"x")
    past = time.time() - MAX_AGE_S - 1
    os.utime(old.parent, (past, past))
    new_served_file("another.wav")
    assert not old.exists()
    assert young.exists()
    assert file_url(young).startswith("gradio_api/file=/")
