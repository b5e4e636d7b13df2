import re
from pathlib import Path
from typing import Any

import pytest

from qal.jobs.sample_predictions import SamplePrediction, ValidationSamples
from tests.run_folders import samples_row
from ui_components.train.run.samples_view import LATEST, epoch_choices, samples_html, select_epoch


def validation_samples(epoch: int = 1, **changes: Any) -> ValidationSamples:
    """A validation with one sample."""
    fields: dict[str, Any] = {
        "audio": "/data/my corpus/ä#1.wav",
        "reference": "the cat sat",
        "prediction": "the cap",
        "language": "en",
        **changes,
    }
    return ValidationSamples(epoch, 10 * epoch, (SamplePrediction(**fields),))


def served_html(validation: ValidationSamples) -> str:
    """The samples if the server may send all audio files."""
    return samples_html(validation, lambda path: True)


def test_wrong_words_are_marked_for_the_eye_and_for_screen_readers():
    samples = served_html(validation_samples())
    marks = re.findall(r'<(del|ins) title="[^"]+"><span class="qal-screen-reader">([^<]+)</span>([^<]+)</', samples)
    assert marks == [("del", "missed: ", "cat sat"), ("ins", "predicted instead: ", "cap")]
    assert "2 of 3 words wrong" in samples
    assert "<dt>Reference</dt>" in samples
    assert "<dt>Prediction</dt>" in samples


@pytest.mark.parametrize(
    ("reference", "prediction", "verdict"),
    [
        ("yes", "no no no", "3 errors in 1 word"),
        ("the cat", "a b c d", "4 errors in 2 words"),
        ("yes", "no", "1 of 1 "),
    ],
)
def test_inserted_words_never_make_more_words_wrong_than_the_reference_has(reference, prediction, verdict):
    assert verdict in served_html(validation_samples(reference=reference, prediction=prediction))


def test_correct_prediction_has_no_marks():
    samples = served_html(validation_samples(prediction="The cat — sat!"))
    assert "<del" not in samples
    assert "<ins" not in samples
    assert ">Correct<" in samples


def test_empty_prediction_is_shown_as_empty():
    assert "(empty)" in served_html(validation_samples(prediction=""))


@pytest.mark.parametrize("field", ["reference", "prediction", "language", "audio"])
def test_texts_of_samples_are_escaped(field: Any):
    markup = '"><img src=x onerror=alert(1)>'
    samples = served_html(validation_samples(1, **{field: markup}))
    assert "<img" not in samples
    assert 'lang=""' not in samples


def test_audio_is_loaded_when_it_is_played_from_an_address_relative_to_the_page():
    samples = served_html(validation_samples())
    (source,) = re.findall(r'<audio controls preload="none" src="([^"]+)"', samples)
    assert source == "gradio_api/file=/data/my%20corpus/%C3%A4%231.wav"


def test_audio_that_is_not_served_has_no_player():
    checked = []
    samples = samples_html(validation_samples(), lambda path: bool(checked.append(path)))
    assert checked == [Path("/data/my corpus/ä#1.wav")]
    assert "<audio" not in samples


def test_players_are_the_same_in_each_epoch():
    rows = [samples_row(epoch, ["/d/a.wav", "/d/b.wav", "/d/c.wav"]) for epoch in (0, 1)]
    validations = [
        ValidationSamples(
            row["epoch"],
            row["step"],
            tuple(SamplePrediction(s["audio"], s["text"], s["heard"], s["language"]) for s in row["samples"]),
        )
        for row in rows
    ]
    pages = [served_html(validation) for validation in validations]
    players = [re.findall(r"<audio[^>]+>", page) for page in pages]
    assert pages[0] != pages[1]
    assert players[0] == players[1]


def test_latest_epoch_is_selected_unless_an_existing_epoch_is_chosen():
    validations = [validation_samples(0), validation_samples(1), validation_samples(2)]
    assert [name for name, _ in epoch_choices(validations)] == ["latest (2)", "2", "1", "before training"]
    assert select_epoch(validations, LATEST) == (LATEST, validations[2])
    assert select_epoch(validations, "1") == ("1", validations[1])
    assert select_epoch(validations, "7") == (LATEST, validations[2])
    assert select_epoch([], None) == (LATEST, None)


def test_text_of_a_script_without_spaces_is_judged_by_characters_and_shown_without_spaces():
    samples = served_html(validation_samples(reference="今天见面计划", prediction="今天见面计画", language="zh"))
    assert "1 of 6 characters wrong" in samples
    assert "今天见面计<del" in samples
