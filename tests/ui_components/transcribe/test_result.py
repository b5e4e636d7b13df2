"""The editor: what has changed, corrections on disk, other windows, rules without decoding, downloads."""

import json
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gradio as gr
import pytest

from qal.errors import OptionError
from qal.text.subtitles.rules import SubtitleRules
from qal.transcription.options import OutputOptions
from tests.transcription.streams import segment, spoken
from tests.ui_components.conftest import click_event, request_from
from ui_components.app.studio import Studio
from ui_components.transcribe.result import actions, outputs, sound
from ui_components.transcribe.result.document_data import changed_part, segment_data
from ui_components.transcribe.result.view import editor_script
from ui_components.transcribe.start.form import OUTPUT
from ui_components.widgets.forms import component_values


def edit(studio: Studio, opened: str, version: int, user: str | None = None, **operation: Any) -> dict[str, Any]:
    data = {"id": opened, "version": version, "operation": operation}
    value = actions.edit_transcript(studio, opened, click_event(_data=data), request_from(user))
    assert value
    return value


def shown_editor(studio: Studio, opened: str) -> dict[str, Any]:
    value = actions.show_result(studio, opened, request_from()).editor
    assert value
    return json.loads(json.dumps(value))


def first_words(value: dict[str, Any]) -> list[str]:
    return [text for text, *_ in value["segments"][0]["words"]]


def test_changed_part_is_the_smallest_range():
    a, b, c, d = (segment(text) for text in "abcd")
    assert changed_part([a, b, c], [a, d, c]) == (1, 1, [d])
    assert changed_part([a, b], [a, b, c]) == (2, 0, [c])
    assert changed_part([a, b, c], [a, c]) == (1, 1, [])
    assert changed_part([a, a, a], [a, a]) == (2, 1, [])
    assert changed_part([], []) == (0, 0, [])


def test_word_without_a_computed_probability_is_not_marked_as_unsure():
    assert [word[3] for word in segment_data(segment("a b"))["words"]] == [None, None]
    assert [word[3] for word in segment_data(spoken("a b"))["words"]] == [0.8, 0.8]


def test_correction_is_on_disk_is_undone_and_redone(studio, start_files):
    opened = start_files()
    value = shown_editor(studio, opened)
    assert (value["kind"], value["isInProgress"], len(value["segments"])) == ("all", False, 4)
    corrected = edit(studio, opened, value["version"], kind="word", segment=0, word=0, text="minute")
    assert (corrected["from"], corrected["removed"], first_words(corrected)) == (0, 1, [" minute", " 0"])
    assert first_words(shown_editor(studio, opened))[0] == " minute"
    undone = edit(studio, opened, corrected["version"], kind="undo")
    assert first_words(undone)[0] == " second"
    assert undone["canRedo"]
    redone = edit(studio, opened, undone["version"], kind="redo")
    assert first_words(redone)[0] == " minute"
    split = edit(studio, opened, redone["version"], kind="split", segment=1, word=1)
    assert (split["from"], split["removed"], len(split["segments"])) == (1, 1, 2)


def test_correction_of_an_outdated_window_is_refused(studio, start_files):
    opened = start_files()
    version = shown_editor(studio, opened)["version"]
    edit(studio, opened, version, kind="delete", segment=0)
    with pytest.raises(OptionError, match="another window"):
        edit(studio, opened, version, kind="delete", segment=0)
    assert len(shown_editor(studio, opened)["segments"]) == 3
    with pytest.raises(OptionError, match="not possible"):
        edit(studio, opened, shown_editor(studio, opened)["version"], kind="word", segment=0, word="x")


def test_text_of_another_user_is_not_shown_and_not_changed(studio, start_files):
    opened = start_files(user="anna")
    other = Studio(studio.runs, studio.data, transcripts=studio.transcripts, is_admin=lambda name: False)
    bekele = request_from("bekele")
    for refused in (
        lambda: actions.show_result(other, opened, bekele),
        lambda: edit(other, opened, 0, "bekele", kind="undo"),
        lambda: outputs.download(other, opened, ["srt"], bekele),
        lambda: outputs.show_cues(other, opened, bekele),
        lambda: sound.open_sound(other, opened, bekele),
        lambda: sound.find_sound(other, other.file_queue.find(opened).key or "", "bekele"),
    ):
        with pytest.raises(OptionError, match="belongs to anna"):
            refused()
    with pytest.raises(OptionError, match="no file is done"):
        outputs.download_all(other, ["srt"], bekele)


@pytest.mark.parametrize("key", ["", "../x", "0" * 32, None])
def test_sound_of_an_unknown_key_is_refused(studio, key):
    with pytest.raises(OptionError):
        sound.find_sound(studio, key, None)


def test_only_new_segments_are_sent_while_a_file_is_followed(studio, start_files):
    opened = start_files()
    followed = actions.follow(studio, opened, click_event(_data={"id": opened, "count": 3}), request_from())
    assert followed.editor
    assert (followed.editor["kind"], followed.editor["from"], len(followed.editor["segments"])) == ("part", 3, 1)
    other = actions.follow(studio, opened, click_event(_data={"id": "other", "count": 3}), request_from())
    assert other.editor == gr.skip()


def test_rules_apply_without_decoding_and_are_kept(studio, start_files):
    opened = start_files()
    narrow = OutputOptions(subtitles=SubtitleRules(max_words=1, max_lines=1, min_duration_s=0.1))
    cues = outputs.apply_output(studio, opened, request_from(), *component_values(OUTPUT, narrow))
    assert cues.count("<li>") == 8
    again = Studio(studio.runs, studio.data, transcripts=studio.transcripts)
    preset, *values = outputs.show_output_form(again, opened, request_from())
    assert (preset, values) == (None, list(component_values(OUTPUT, narrow)))


def served(file: dict[str, str]) -> Path:
    return Path(unquote(file["url"].partition("file=")[2]))


def test_downloads_are_named_like_the_file_and_several_are_one_archive(studio, start_files):
    opened = start_files("Talk v1.0.wav")
    one = outputs.download(studio, opened, ["srt"], request_from())
    assert one["name"] == "Talk v1.0.srt"
    assert "second 0" in served(one).read_text()
    both = outputs.download(studio, opened, ["srt", "json"], request_from())
    assert sorted(zipfile.ZipFile(served(both)).namelist()) == ["Talk v1.0.json", "Talk v1.0.srt"]
    start_files("other.wav")
    names = zipfile.ZipFile(served(outputs.download_all(studio, ["txt"], request_from()))).namelist()
    assert sorted(names) == ["Talk v1.0.txt", "other.txt"]
    for formats in ([], ["exe"]):
        with pytest.raises(OptionError, match="at least one format"):
            outputs.download(studio, opened, formats, request_from())


def test_nothing_is_added_to_a_dataset_before_a_line_is_corrected(studio, start_files):
    opened = start_files()
    with pytest.raises(OptionError, match="no line"):
        outputs.add_corrected(studio, opened, "corrections", request_from())


def test_editor_names_the_view_of_the_sound_by_its_label():
    assert f'const SOUND = "{sound.SOUND_LABEL}"' in editor_script()
