"""Handlers of the results of evaluations."""

import base64
import io
import json
import zipfile

import pytest

from qal.errors import EvaluationError, OptionError
from tests.ui_components.conftest import click_event
from ui_components.evaluate.results import actions, examples
from ui_components.evaluate.results.comparison import compare
from ui_components.evaluate.results.examples import PAGE_EXAMPLES, STORED
from ui_components.evaluate.results.reports import report_file
from ui_components.evaluate.results.stored import evaluation_of

WRONG = {"audio/1.wav": "say a number 1 now", "audio/3.wav": "play the number 3", "audio/5.wav": "<b>bold</b>"}


def clicked(key: str):
    return click_event(_data={"key": key})


def shown(studio, version: str, opened: str = "", narrowing=None, is_playing: bool = False):
    return actions.show_result(studio, version, opened, STORED, None, "", narrowing, is_playing)


def test_list_shows_the_evaluations_and_opens_the_newest(studio, evaluated):
    assert "no evaluation yet" in actions.show_list(studio, None, "").list
    evaluated("old")
    evaluated("new", WRONG)
    found = actions.show_list(studio, None, "")
    assert found.list.index("new") < found.list.index("old")
    assert "WER" in found.list
    assert found.version.startswith("new finished 6")
    assert actions.show_list(studio, "old", "").version.startswith("old")
    assert isinstance(actions.show_list(studio, None, found.sent).list, dict)  # nothing is sent


def test_clicked_evaluation_is_chosen_and_an_unknown_one_is_an_error(studio, evaluated):
    evaluated("old")
    evaluated("new")
    found = actions.choose(studio, clicked("old"))
    assert (found.chosen, found.version.split()[0]) == ("old", "old")
    with pytest.raises(EvaluationError, match="no longer there"):
        actions.choose(studio, clicked("../old"))


def test_result_states_rate_interval_basis_and_edits(studio, evaluated):
    evaluated("base", WRONG)
    summary = shown(studio, "base finished 6").summary
    for text in ("WER 26.7 %", "95 % interval", "test set", "6 utterances", "30 words", "basic-2", "Substitutions"):
        assert text in summary


def test_worst_speaker_is_the_first_group_and_a_click_shows_its_examples(studio, evaluated):
    evaluated("base", WRONG)
    result = shown(studio, "base finished 6")
    assert result.groups.index("speaker 1") < result.groups.index("speaker 0")
    narrowed = examples.narrow_to_group(studio, "speaker", clicked("speaker 1"))
    found = examples.show_examples(studio, "base", STORED, "", narrowed.narrowing, PAGE_EXAMPLES).examples
    assert "speaker: speaker 1: 3 examples" in found
    assert "audio/0.wav" not in found
    groups = actions.show_groups(studio, "base", STORED, "speaker", narrowed.narrowing)
    assert groups.index('aria-pressed="true">speaker 1') < groups.index('aria-pressed="false">speaker 0')


def test_examples_are_the_worst_first_aligned_playable_and_escaped(studio, evaluated):
    evaluated("base", WRONG)
    found = shown(studio, "base finished 6").examples
    assert found.index("5.wav") < found.index("1.wav") < found.index("0.wav")
    assert "<del" in found
    assert "<ins" in found
    assert found.count("<audio") == 6
    assert "<b>bold" not in found


def test_a_confusion_leads_to_its_examples(studio, evaluated):
    evaluated("base", WRONG)
    assert "the → a" in shown(studio, "base finished 6").confusions
    narrowed = examples.narrow_to_pair(studio, clicked("the\ta"))
    found = examples.show_examples(studio, "base", STORED, "", narrowed.narrowing, PAGE_EXAMPLES).examples
    assert "1 example." in found
    assert "audio/1.wav" in found


def test_search_finds_a_word_in_reference_or_prediction(studio, evaluated):
    evaluated("base", WRONG)
    found = examples.show_examples(studio, "base", STORED, "play", {}, PAGE_EXAMPLES).examples
    assert "1 example." in found
    assert "audio/3.wav" in found


def test_further_examples_are_shown_on_request(studio, evaluated):
    evaluated("base", WRONG)
    few = examples.show_examples(studio, "base", STORED, "", {}, 2)
    assert few.examples.count("<article") == 2
    assert few.more.visible
    assert not examples.show_examples(studio, "base", STORED, "", {}, 6).more.visible


def test_page_without_an_opened_evaluation_shows_no_groups_and_no_examples(studio):
    shown = examples.show_examples(studio, None, STORED, "", {}, PAGE_EXAMPLES)
    assert shown.examples == ""
    assert actions.show_groups(studio, None, STORED, "speaker", {}) == ""


def test_new_rows_keep_the_choices_of_the_user_and_the_example_that_plays(studio, evaluated):
    evaluated("base", WRONG, stop_after=4)
    narrowing = {"by": "speaker", "key": "speaker 1"}
    result = shown(studio, "base stopped 4", "base", narrowing, is_playing=True)
    assert result.narrowing == narrowing
    assert isinstance(result.examples, dict)
    assert isinstance(result.other, dict)
    assert "4 of 6 so far" in result.summary


def test_evaluation_without_rows_says_so(studio, evaluated):
    evaluated("base", stop_after=0)
    assert "No example is scored yet" in shown(studio, "base stopped 0").summary
    assert "–" in actions.show_list(studio, None, "").list


def test_another_normaliser_counts_the_same_rows_again(studio, evaluated):
    evaluated("base", {"audio/1.wav": "Say the number 1 now."})
    assert "WER 0.0 %" in actions.show_result(studio, "base f 6", "", STORED, None, "", {}, False).summary
    assert "WER 6.7 %" in actions.show_result(studio, "base f 6", "", "none-1", None, "", {}, False).summary
    with pytest.raises(OptionError, match="no normaliser"):
        actions.show_result(studio, "base f 6", "", "other", None, "", {}, False)


def test_sound_outside_of_the_data_folder_is_not_sent(studio, evaluated, tmp_path):
    folder = evaluated("base")
    (tmp_path / "secret.wav").write_bytes(b"RIFF")
    for path in ("../../secret.wav", str(tmp_path / "secret.wav"), "audio/none.wav"):
        assert examples.audio_of(studio, evaluation_of(folder), path) is None


def test_two_evaluations_are_compared_on_their_common_rows(studio, evaluated):
    evaluated("base", WRONG)
    evaluated("tuned")
    assert compare(studio, "tuned", "", STORED) == ""
    text = compare(studio, "tuned", "base", STORED)
    assert "-26.7 points" in text
    assert "p = " in text
    assert "6 common examples" in text
    assert "not significant" in text  # three examples that differ may be chance


@pytest.mark.parametrize("form", ["html", "json", "csv"])
def test_reports_are_downloads(studio, evaluated, form):
    evaluated("base", WRONG)
    file = report_file(studio, "base", STORED, form)
    content = base64.b64decode(file["base64"])
    if form == "csv":
        assert "tables/by_speaker.csv" in zipfile.ZipFile(io.BytesIO(content)).namelist()
    elif form == "json":
        assert json.loads(content)["normaliser"] == "basic-2"
    else:
        assert content.startswith(b"<!doctype html>")
    assert file["name"].startswith("base.")
