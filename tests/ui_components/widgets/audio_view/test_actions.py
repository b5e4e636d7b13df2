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
from tests.sounds import sine, write
from ui_components.widgets.audio_view import actions
from ui_components.widgets.audio_view.served_audio import KEPT_S, made_file, url_of


def event(data):
    return gr.EventData(None, data)


def file_of(url: str) -> Path:
    return Path(unquote(url.removeprefix("gradio_api/file=")))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))


def test_a_wav_is_played_as_it_is(tmp_path):
    path = write(tmp_path / "my sound#1.wav", sine(440, 1))
    value, sound = actions.look(path, "title")
    assert file_of(value["url"]) == path
    assert "#" not in value["url"]
    assert sound == actions.Sound(path, "my sound#1")


def test_what_a_browser_cannot_seek_in_is_copied_as_the_model_hears_it(tmp_path):
    path = write(tmp_path / "a.wav", np.stack([noise(44_100)] * 2), 44_100)
    renamed = path.rename(tmp_path / "a.bin")
    assert file_of(actions.look(renamed, "")[0]["url"]) == renamed  # it is what it holds, not what it is called
    path.write_bytes(mu_law(renamed))
    value, _ = actions.look(path, "", told="row 1")
    assert file_of(value["url"]).parent.parent == (tmp_path / "cache" / "made").resolve()
    assert value["told"].startswith("row 1\nYou hear it")


def mu_law(path: Path) -> bytes:
    """The same sound in a code that not every browser plays."""
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
def test_what_is_no_sound_is_one_sentence(tmp_path, content):
    path = tmp_path / "x.mp3"
    path.write_bytes(content)
    with pytest.raises(AudioDecodeError, match=r"x\.mp3"):
        actions.look(path, "")


def test_a_file_that_is_too_large_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(actions, "MAX_FILE_BYTES", 10)
    with pytest.raises(AudioDecodeError, match="larger than"):
        actions.look(write(tmp_path / "a.wav", sine(440, 1)), "")


def test_a_cut_is_fetched_under_a_name_that_says_what_it_is(tmp_path, studio):
    path = write(tmp_path / "a.wav", sine(440, 3, 44_100), 44_100)
    cut = actions.cut(studio, actions.Sound(path, "a"), event({"start_s": 1.0, "end_s": 2.5}))
    assert cut["name"] == "a-1.00-2.50.wav"
    with wave.open(str(file_of(cut["url"]))) as file:
        assert file.getnframes() == 1.5 * 44_100


@pytest.mark.parametrize(
    "data",
    [None, {}, {"start_s": 1}, {"start_s": 2, "end_s": 1}, {"start_s": -1, "end_s": 1}, {"start_s": "0", "end_s": "1"},
     {"start_s": 0, "end_s": float("inf")}, {"start_s": float("nan"), "end_s": 1}],
)  # fmt: skip
def test_a_stretch_that_a_browser_made_up_is_refused(tmp_path, studio, data):
    sound = actions.Sound(write(tmp_path / "a.wav", sine(440, 3)), "a")
    for handler in (actions.cut, actions.trim):
        with pytest.raises(OptionError):
            handler(studio, sound, event(data))


def test_a_trim_is_remembered(studio):
    sound = actions.trim(studio, actions.Sound(Path("a.wav"), "a"), event({"start_s": 0.5, "end_s": 1.5}))
    assert sound
    assert (sound.start_s, sound.end_s, sound.is_whole) == (0.5, 1.5, False)


def test_there_is_nothing_to_cut_without_a_sound(studio):
    with pytest.raises(OptionError, match="choose a sound first"):
        actions.cut(studio, None, event({"start_s": 0, "end_s": 1}))


def test_made_sounds_go_when_they_are_old():
    old, young = made_file("old.wav"), made_file("young.wav")
    for path in (old, young):
        path.write_bytes(b"x")
    past = time.time() - KEPT_S - 1
    os.utime(old.parent, (past, past))
    made_file("another.wav")
    assert not old.exists()
    assert young.exists()
    assert url_of(young).startswith("gradio_api/file=/")
