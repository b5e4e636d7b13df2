"""A JSON file beside each recording: the text of a clip, or what a recogniser found in a long recording."""

import json
from pathlib import Path
from typing import Any

import pytest

from qal.corpus.importers.formats import find_format
from qal.corpus.importers.import_source import preview
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.importers.results import Preview
from qal.corpus.importers.timed.cue_tables import is_cue_table
from qal.corpus.importers.timed.recordings import READERS, find_recordings
from tests.corpus.importers.sources import run_import, write_clips

SEGMENTS = [
    {"id": 0, "start": 0.5, "end": 2.0, "text": " Hello there.", "speaker": "SPEAKER_00"},
    {"id": 1, "start": 2.5, "end": 4.25, "text": " Come in."},
]
WORDS = [{"word": "Hello", "start": 0.5, "end": 1.0}, {"word": "there", "start": 1.0, "end": 2.0}]
RESULTS = {
    "whisper": {"text": " Hello there. Come in.", "segments": SEGMENTS, "language": "en"},
    "whisperx": {"segments": SEGMENTS, "word_segments": WORDS, "language": "en"},
    "verbose_json": {"task": "transcribe", "language": "english", "duration": 4.5, "text": "", "segments": SEGMENTS}
    | {"words": WORDS},
    "whisper.cpp": {
        "model": {"type": "base"},
        "result": {"language": "en"},
        "transcription": [
            {"timestamps": {"from": "00:00:00,500"}, "offsets": {"from": 500, "to": 2000}, "text": " Hello there."},
            {"timestamps": {"from": "00:00:02,500"}, "offsets": {"from": 2500, "to": 4250}, "text": " Come in."},
        ],
    },
}


def write_json(folder: Path, values: dict[str, Any]) -> Path:
    """Writes a tone and a JSON file of each name; returns the folder."""
    write_clips(folder, [f"{name}.wav" for name in values])
    for name, value in values.items():
        (folder / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return folder


def previewed(folder: Path, language: str = "") -> Preview:
    return preview(folder, ListingOptions(language))


@pytest.mark.parametrize("key", ["text", "transcript", "sentence", "transcription"])
def test_one_json_file_beside_each_clip_is_its_text_speaker_and_language(tmp_path: Path, key: str):
    clips = {name: {key: f"text {name}", "speaker": "Anna", "language": "am-ET"} for name in ("one", "two", "three")}
    found = previewed(write_json(tmp_path, clips))
    assert found.format_name == "folder"
    assert {(row.text, row.speaker, row.language) for row in found.rows} == {
        (f"text {name}", "Anna", "am") for name in clips
    }
    assert not found.problems


def test_json_of_a_clip_with_its_place_in_the_original_recording_is_no_file_of_cues(tmp_path: Path):
    value = {"text": "hello there", "start": 12.5, "end": 14.0, "words": WORDS, "duration": 1.5, "id": 7}
    write_json(tmp_path, {"one": value, "two": value | {"text": "come in"}})
    assert not is_cue_table(tmp_path / "one.json")
    found = previewed(tmp_path, "en")
    assert sorted(row.text for row in found.rows) == ["come in", "hello there"]


def test_text_file_wins_over_json_and_json_without_a_text_is_a_problem_that_names_its_fields(tmp_path: Path):
    write_json(tmp_path, {name: {"text": f"json {name}"} for name in ("one", "two", "three")})
    (tmp_path / "one.txt").write_text("plain one", encoding="utf-8")
    (tmp_path / "two.json").write_text('{"rate": 16000, "device": "phone"}', encoding="utf-8")
    (tmp_path / "three.json").write_text("{not json", encoding="utf-8")
    write_json(tmp_path, {"four": {"text": "json four"}})
    found = previewed(tmp_path, "en")
    assert sorted(row.text for row in found.rows) == ["json four", "plain one"]
    assert sorted(map(str, found.problems)) == [
        "three.wav: three.json is not JSON; save it again, with a field text",
        "two.wav: two.json has no text; it has rate, device: name one of them text",
    ]


def test_clips_with_json_are_imported(tmp_path: Path):
    write_json(tmp_path / "in", {"one": {"transcript": "ሰላም"}, "two": [{"text": "ቃል", "split": "test"}]})
    rows = run_import(tmp_path / "in", tmp_path / "out", language="am").corpus.rows
    assert {row.text: row.split for row in rows}["ቃል"] == "test"
    assert len(rows) == 2


@pytest.mark.parametrize("kind", RESULTS)
def test_result_of_a_recogniser_is_timed_text(tmp_path: Path, kind: str):
    write_json(tmp_path, {"talk": RESULTS[kind]})
    assert find_format(tmp_path).name == "subtitles"
    (found,) = find_recordings(tmp_path)
    assert found.cue_file == tmp_path / "talk.json"
    assert found.language == "en"
    cues = READERS[".json"](tmp_path / "talk.json", "")
    assert [(cue.start_s, cue.end_s, cue.text.strip()) for cue in cues] == [
        (0.5, 2.0, "Hello there."),
        (2.5, 4.25, "Come in."),
    ]
    assert cues[0].speaker == ("" if kind == "whisper.cpp" else "SPEAKER_00")
