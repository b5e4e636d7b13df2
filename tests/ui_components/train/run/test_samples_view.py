import re
from pathlib import Path
from typing import Any

import pytest

from qal.jobs.sample_predictions import SamplePrediction, ValidationSamples
from tests.run_folders import samples_row
from ui_components.train.run.samples_view import NEWEST, chosen_epoch, epoch_choices, samples_html


def heard(epoch: int = 1, **changes: Any) -> ValidationSamples:
    row: dict[str, Any] = {
        "audio": "/data/my corpus/ä#1.wav",
        "reference": "the cat sat",
        "prediction": "the cap",
        "language": "en",
        **changes,
    }
    return ValidationSamples(epoch, 10 * epoch, (SamplePrediction(**row),))


def shown(one: ValidationSamples, playable: bool = True) -> str:
    return samples_html(one, lambda path: playable)


def test_words_that_differ_are_marked_for_eyes_and_ears():
    found = shown(heard())
    marks = re.findall(r'<(del|ins) title="[^"]+"><span class="qal-spoken">([^<]+)</span>([^<]+)</', found)
    assert marks == [("del", "missed: ", "cat sat"), ("ins", "heard instead: ", "cap")]
    assert "2 of 3 words wrong" in found


def test_what_was_heard_rightly_is_not_marked():
    found = shown(heard(prediction="The cat — sat!"))
    assert "<del" not in found
    assert "<ins" not in found
    assert "every word right" in found


def test_nothing_heard_is_said_so():
    assert "nothing" in shown(heard(prediction=""))


@pytest.mark.parametrize("field", ["reference", "prediction", "language", "audio"])
def test_no_text_is_markup(field: Any):
    evil = '"><img src=x onerror=alert(1)>'
    found = shown(heard(1, **{field: evil}))
    assert "<img" not in found
    assert 'lang=""' not in found


def test_audio_is_asked_for_only_when_it_is_played_and_under_the_pages_own_path():
    found = shown(heard())
    (source,) = re.findall(r'<audio controls preload="none" src="([^"]+)"', found)
    assert source == "gradio_api/file=/data/my%20corpus/%C3%A4%231.wav"


def test_what_the_server_does_not_give_away_has_no_player():
    asked = []
    found = samples_html(heard(), lambda path: bool(asked.append(path)))
    assert asked == [Path("/data/my corpus/ä#1.wav")]
    assert "<audio" not in found


def test_players_stay_where_they_are_from_epoch_to_epoch():
    rows = [samples_row(epoch, ["/d/a.wav", "/d/b.wav", "/d/c.wav"]) for epoch in (0, 1)]
    validations = [
        ValidationSamples(
            row["epoch"],
            row["step"],
            tuple(SamplePrediction(s["audio"], s["text"], s["heard"], s["language"]) for s in row["samples"]),
        )
        for row in rows
    ]
    pages = [shown(validation) for validation in validations]
    tags = [re.findall(r"<audio[^>]+>", page) for page in pages]
    assert pages[0] != pages[1]
    assert tags[0] == tags[1]


def test_the_newest_is_chosen_unless_another_is_there_and_wanted():
    all_heard = [heard(0), heard(1), heard(2)]
    assert [name for name, _ in epoch_choices(all_heard)] == [
        "newest (epoch 2)",
        "epoch 2",
        "epoch 1",
        "before training",
    ]
    assert chosen_epoch(all_heard, NEWEST) == (NEWEST, all_heard[2])
    assert chosen_epoch(all_heard, "1") == ("1", all_heard[1])
    assert chosen_epoch(all_heard, "7") == (NEWEST, all_heard[2])
    assert chosen_epoch([], None) == (NEWEST, None)
