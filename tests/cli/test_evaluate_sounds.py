"""qal evaluate sounds: the words that a model writes where there is no speech."""

import json
from pathlib import Path

import pytest

from qal.cli.evaluation import sounds
from qal.cli.main import main
from qal.evaluation.records import read_evaluation, read_rows
from qal.evaluation.systems.any_model import System
from qal.evaluation.transcribers import Heard
from tests.sounds import sine, write_audio


class Inventor:
    """Writes "Thank you." for a sound whose name contains "music" or ends with "02.wav"."""

    settings = {"beam_size": 1}  # noqa: RUF012  an attribute of the protocol

    def transcribe(self, row, samples, language) -> Heard:
        return Heard("Thank you." if "music" in row.audio or row.audio.endswith("02.wav") else "…", 0.1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch) -> Path:
    """The folder `sounds` of the working folder: two pieces of music and a noise of 3 s each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sounds, "find_system", lambda name, *_: System(name, "scripted", lambda rows: Inventor()))
    for name in ("music/a.wav", "music/b.wav", "noise.wav"):
        write_audio(Path("sounds") / name, sine(440, 3))
    return Path("sounds")


def test_invented_words_are_counted_and_stored_as_an_evaluation(capsys):
    main(["evaluate", "sounds", "base", "sounds", "--json"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["sounds"], found["sounds_with_words"], found["words"], found["seconds"]) == (3, 2, 4, 9)
    assert found["words_per_minute"] == pytest.approx(4 / 9 * 60)
    assert found["texts"] == [{"text": "thank you", "sounds": ["music/a.wav", "music/b.wav"]}]
    evaluation = read_evaluation(Path(found["evaluation"]))
    assert (evaluation.state, evaluation.model, evaluation.corpus) == ("finished", "base", "sounds (without speech)")
    main(["evaluate", "sounds", "base", "sounds"])
    text = capsys.readouterr().out
    assert "4 words invented, 26.7 a minute, in 2 sounds" in text
    assert "2 x  thank you  (music/a.wav)" in text
    assert len(read_rows(Path(found["evaluation"]))) == 3  # those of the first time


def test_sounds_are_made_where_there_is_no_folder_of_them(capsys):
    main(["evaluate", "sounds", "base", "made-sounds", "--json"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["sounds"] + sum(found["left_out"].values()) == 9  # digital silence is no usable sound
    assert found["texts"] == [{"text": "thank you", "sounds": ["sound-02.wav"]}]
    assert read_evaluation(Path(found["evaluation"])).corpus_path == ""


def test_folder_without_sounds_is_an_error(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "sounds", "base", "nothing"])
    assert caught.value.code == 2
    assert "no audio files" in capsys.readouterr().err
