"""Sentences that are recorded on the page become rows of a dataset, and the recording is continued from disk."""

import base64
import hashlib
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qal.api.studio.recordings import AUDIO_TOO_LONG, MAX_TAKE_BYTES, PATH, recording_routes
from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples, to_pcm16
from qal.corpus.manifest import read_corpus, write_corpus
from qal.corpus.recording.sentences import built_in_languages, built_in_sentences
from qal.corpus.recording.state import STATE_FILE
from tests.sounds import write_audio

TEXT = "The first sentence.\nThe second one.\nA third sentence.\nAnd the fourth."
FORM = {"name": "mine", "language": "en", "speaker": "Anna", "text": TEXT, "consent": "I agree."}


def make_client(data: Path, user: str | None = None) -> TestClient:
    return TestClient(
        Starlette(routes=[*recording_routes(data, lambda _: True, lambda _: user)]), base_url="http://here"
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def client(data: Path) -> TestClient:
    return make_client(data)


@pytest.fixture(scope="module")
def spoken(english_corpus) -> Samples:
    """An utterance with half a second of silence around it."""
    row = next(row for row in english_corpus.rows if 2 < row.duration_s < 4)
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    return np.concatenate([pause, decode(english_corpus.audio_path(row)), pause])


def post(client: TestClient, action: str, **fields):
    return client.post(f"{PATH}/{action}", json=fields)


def encoded(samples: Samples) -> str:
    return base64.b64encode(to_pcm16(samples).tobytes()).decode()


def add(client: TestClient, samples: Samples, sentence: int = 0, speaker: str = "Anna"):
    return post(client, "add", name="mine", speaker=speaker, sentence=sentence, audio=encoded(samples))


def message(response) -> str:
    assert response.status_code == 400
    return response.json()["message"]


def test_recorded_sentence_becomes_a_row_without_the_silence_at_its_ends(client, data, spoken):
    begun = post(client, "begin", **FORM).json()
    assert [sentence["recorded_s"] for sentence in begun["sentences"]] == [None] * 4
    longer = np.concatenate([np.zeros(2 * SAMPLE_RATE, np.float32), spoken])
    added = add(client, longer, 1)
    assert added.status_code == 200, added.json()
    corpus = read_corpus(data / "mine")
    (row,) = corpus.rows
    assert (row.text, row.language, row.speaker) == (begun["sentences"][1]["text"], "en", "Anna")
    assert row.duration_s < len(longer) / SAMPLE_RATE - 1.5
    assert Path(added.json()["file"]) == corpus.audio_path(row).resolve()
    assert "consent" in corpus.info.licence


def test_recording_is_resumed_from_disk_by_another_server(client, data, spoken):
    post(client, "begin", **FORM)
    add(client, spoken, 2)
    later = make_client(data)
    (listed,) = post(later, "list").json()["recordings"]
    assert listed == {"name": "mine", "language": "en", "sentences": 4, "speakers": ["Anna"]}
    opened = post(later, "open", name="mine", speaker="anna ").json()
    assert [bool(sentence["recorded_s"]) for sentence in opened["sentences"]] == [False, False, True, False]
    assert "I agree." in (data / "mine" / STATE_FILE).read_text()


def test_sentence_that_is_repeated_replaces_its_recording_and_keeps_its_split(client, data, spoken):
    post(client, "begin", **FORM)
    add(client, spoken, 0)
    (first,) = read_corpus(data / "mine").rows
    add(client, spoken[: len(spoken) - 4000], 0)
    (second,) = read_corpus(data / "mine").rows
    assert (second.audio, second.split) == (first.audio, first.split)
    assert second.sha256 != first.sha256


def as_older_version(data: Path) -> Path:
    """Turns the only recording into WAV, which older versions wrote, and returns its file."""
    corpus = read_corpus(data / "mine")
    (row,) = corpus.rows
    wav = write_audio(corpus.audio_path(row).with_suffix(".wav"), decode(corpus.audio_path(row)))
    corpus.audio_path(row).unlink()
    sha256 = hashlib.sha256(wav.read_bytes()).hexdigest()
    renamed = row.model_copy(update={"audio": f"audio/{wav.name}", "sha256": sha256})
    write_corpus(corpus.folder, corpus.info, [renamed])
    return wav


def test_recording_as_wav_of_an_older_version_is_found_repeated_and_deleted(client, data, spoken):
    post(client, "begin", **FORM)
    for action in ("add", "remove"):
        add(client, spoken, 3)
        (before,) = read_corpus(data / "mine").rows
        wav = as_older_version(data)
        opened = post(client, "open", name="mine", speaker="Anna").json()
        assert [bool(sentence["recorded_s"]) for sentence in opened["sentences"]] == [False, False, False, True]
        assert opened["sentences"][3]["file"] == str(wav.resolve())
        if action == "add":
            add(client, spoken[:-4000], 3)
            (after,) = read_corpus(data / "mine").rows
            assert (after.audio, after.split) == (before.audio, before.split)
        else:
            post(client, "remove", name="mine", speaker="Anna", sentence=3)
        assert not wav.exists()
    assert not [*(data / "mine/audio").iterdir()]


def test_recording_can_be_deleted_also_the_last_one(client, data, spoken):
    post(client, "begin", **FORM)
    for sentence in (0, 1):
        add(client, spoken, sentence)
    opened = post(client, "remove", name="mine", speaker="Anna", sentence=0).json()
    assert [bool(sentence["recorded_s"]) for sentence in opened["sentences"]] == [False, True, False, False]
    post(client, "remove", name="mine", speaker="Anna", sentence=1)
    assert not [*(data / "mine" / "audio").iterdir()]
    assert add(client, spoken, 1).status_code == 200


def test_two_speakers_read_the_same_sentences(client, data, spoken):
    post(client, "begin", **FORM)
    post(client, "begin", **{**FORM, "speaker": "Berta", "text": ""})
    for speaker in ("Anna", "Berta"):
        add(client, spoken, 0, speaker)
    rows = read_corpus(data / "mine").rows
    assert {row.speaker for row in rows} == {"Anna", "Berta"}
    assert len({row.split for row in rows}) == 1
    assert "has not agreed" in message(add(client, spoken, 0, "Carl"))


def test_each_beginning_of_a_list_has_all_splits_soon(client, data, spoken):
    begun = post(client, "begin", **{**FORM, "text": "\n".join(built_in_sentences("en"))}).json()
    for sentence in range(len(begun["sentences"][:10])):
        add(client, spoken, sentence)
    info = read_corpus(data / "mine").info
    assert all(info.utterances.values()), info.utterances
    assert (info.split_by, info.split_note) == ("text", "")


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (np.zeros(100, np.float32), "empty"),
        (np.zeros(3 * SAMPLE_RATE, np.float32), "silence"),
        (0.01 * np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE).astype(np.float32), "no speech"),
        (np.ones(int(30.5 * SAMPLE_RATE), np.float32), "longer than 30 s"),
    ],
)
def test_unusable_recording_is_refused_with_its_reason(client, data, sound, reason):
    post(client, "begin", **FORM)
    assert reason in message(add(client, sound))
    assert not (data / "mine" / "manifest.jsonl").exists()


def test_recording_far_shorter_than_its_sentence_is_refused(client, spoken):
    sentence = "word " * 42
    post(client, "begin", **{**FORM, "text": f"{sentence}one\n{sentence}two\n{sentence}three"})
    assert "read the whole sentence" in message(add(client, spoken[: 2 * SAMPLE_RATE]))


def test_quiet_clipped_and_cut_off_recordings_are_told(client, spoken):
    post(client, "begin", **FORM)
    assert "quiet" in add(client, spoken * 0.01).json()["warnings"][0]
    assert "clipped" in add(client, np.clip(spoken * 50, -1, 1)).json()["warnings"][0]
    cut = add(client, spoken[SAMPLE_RATE // 2 + 3000 : -SAMPLE_RATE // 2 - 3000]).json()["warnings"]
    assert any("cut off" in warning for warning in cut)
    assert not add(client, spoken).json()["warnings"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "../x"}, "letters, digits"),
        ({"name": ""}, "letters, digits"),
        ({"language": "../en"}, "not a language"),
        ({"speaker": "  "}, "speaker's name"),
        ({"consent": ""}, "agrees"),
        ({"text": "one\none"}, "fewer than 3"),
        ({"text": "", "language": "xx"}, "no built-in sentences"),
    ],
)
def test_form_that_cannot_be_used_names_the_field(client, data, change, reason):
    assert reason in message(post(client, "begin", **{**FORM, **change}))
    assert not data.exists() or not [path for path in data.iterdir() if not path.name.startswith(".")]


def test_imported_dataset_is_not_recorded_into(client, data):
    (data / "mine").mkdir(parents=True)
    (data / "mine" / "manifest.jsonl").write_text("")
    assert "another name" in message(post(client, "begin", **FORM))
    assert "another one" in message(post(client, "open", name="mine", speaker="Anna"))


def test_another_user_does_not_record_for_a_speaker(data, spoken):
    anna, eve = make_client(data, "anna"), make_client(data, "eve")
    post(anna, "begin", **FORM)
    assert "another user" in message(add(eve, spoken))
    assert "another user" in message(post(eve, "begin", **FORM))
    assert "another user" in message(post(eve, "remove", name="mine", speaker="Anna", sentence=0))
    assert add(anna, spoken).status_code == 200


def test_recording_in_another_format_or_too_large_is_refused(client):
    post(client, "begin", **FORM)
    for audio in ("no base64!", "QUJD"):
        assert "invalid" in message(post(client, "add", name="mine", speaker="Anna", sentence=0, audio=audio))
    too_long = encoded(np.zeros(MAX_TAKE_BYTES // 2 + 9000, np.float32))
    response = post(client, "add", name="mine", speaker="Anna", sentence=0, audio=too_long)
    assert message(response) == AUDIO_TOO_LONG
    assert "not in the dataset" in message(add(client, np.zeros(9000, np.float32), 4))


@pytest.mark.parametrize("language", built_in_languages())
def test_built_in_sentences_are_different_and_short(client, language):
    sentences = post(client, "built-in", language=language).json()["sentences"]
    assert len(sentences) >= 24
    assert max(map(len, sentences)) < 90
