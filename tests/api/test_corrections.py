"""Corrections of captions: from a session on disk to an example of a dataset."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qal.api.access import LOG_IN, WRONG_ORIGIN
from qal.api.corrections import MARGIN_S, PATH, correction_route
from qal.api.json_route import MAX_BODY_BYTES
from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples, from_pcm16, to_pcm16
from qal.captions.final_captions import Caption
from qal.captions.record import SessionRecord, new_session_id
from qal.captions.saved_audio import SavedAudio
from qal.corpus.corrections import Correction, add_correction
from qal.corpus.manifest import Origin, read_corpus, write_corpus
from tests.fakes import noise

STREAM: Samples = from_pcm16(to_pcm16(noise(20 * SAMPLE_RATE)))
CAPTIONS = (
    Caption(0, 1.0, 2.5, "wrong one", final=True, language="en"),
    Caption(2, 4.0, 6.0, "wrong two", final=True, language="en"),
    Caption(3, 6.1, 8.0, "wrong three", final=True, language="en"),
    Caption(4, 9.0, 11.0, "partly saved", final=True, language="en"),
    Caption(5, 12.0, 13.0, "not saved", final=True, language="en"),
    Caption(6, 14.0, 15.0, "a translation", final=True),
)
SAVED_SAMPLES = 10 * SAMPLE_RATE


@pytest.fixture
def session(tmp_path: Path) -> str:
    """The id of an ended session of 20 s; the audio of the first 10 s was saved."""
    record = SessionRecord(tmp_path / "live", new_session_id())
    record.create()
    for caption in CAPTIONS:
        record.append(caption, 0)
    audio = SavedAudio(record.folder)
    audio.start(0)
    audio.write(0, STREAM[:SAVED_SAMPLES])
    return record.folder.name


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return make_client(tmp_path)


def make_client(folder: Path, logged_in: bool = True) -> TestClient:
    route = correction_route(folder / "live", folder / "data", lambda _: logged_in)
    return TestClient(Starlette(routes=[route]), base_url="http://here")


def correction(session: str, **fields) -> dict:
    return {"session": session, "index": 0, "text": "Right one.", "corpus": "mine", **fields}


def samples(start_s: float, end_s: float) -> Samples:
    return STREAM[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]


@pytest.mark.parametrize(
    ("index", "start_s", "end_s"), [(0, 1 - MARGIN_S, 2.5 + MARGIN_S), (2, 4 - MARGIN_S, 6.1), (3, 6.0, 8 + MARGIN_S)]
)
def test_example_has_the_speech_with_a_margin_without_other_captions(client, session, tmp_path, index, start_s, end_s):
    response = client.post(PATH, json=correction(session, index=index))
    corpus = read_corpus(tmp_path / "data/mine")
    (row,) = corpus.rows
    assert (response.status_code, response.json()) == (200, {"corpus": "mine", "rows": 1, "split": row.split})
    assert (row.text, row.language, row.source) == ("Right one.", "en", "captions")
    assert decode(corpus.audio_path(row)).tolist() == samples(start_s, end_s).tolist()


def test_correction_sent_again_replaces_its_example(client: TestClient, session: str, tmp_path: Path):
    for text in ("Right one.", "Rather this."):
        assert client.post(PATH, json=correction(session, text=text)).json()["rows"] == 1
    assert [row.text for row in read_corpus(tmp_path / "data/mine").rows] == ["Rather this."]


def test_concurrent_corrections_are_all_added(client: TestClient, session: str, tmp_path: Path):
    with ThreadPoolExecutor(6) as pool:
        corrections = [correction(session, index=index) for index in (0, 2, 3)] * 4
        codes = list(pool.map(lambda body: client.post(PATH, json=body).status_code, corrections))
    assert codes == [200] * 12
    assert len(read_corpus(tmp_path / "data/mine").rows) == 3


def test_session_id_is_not_stored_in_the_dataset(client, session: str, tmp_path: Path):
    client.post(PATH, json=correction(session))
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert not [path for path in files if session in path.name or session.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"session": new_session_id()}, "deleted from the server"),
        ({"session": "../../../etc/passwd"}, "session id is not valid"),
        ({"index": 1}, "does not have this caption"),
        ({"index": -1}, "invalid message"),
        ({"index": 4}, "was not saved"),
        ({"index": 5}, "was not saved"),
        ({"index": 6}, "is a translation"),
        ({"text": " "}, "no words"),
        ({"text": "x" * 501}, "501 characters"),
        ({"text": "x" * MAX_BODY_BYTES}, "too long"),
        ({"corpus": "../mine"}, "letters, digits"),
        ({"corpus": "/tmp/mine"}, "letters, digits"),
        ({"corpus": ""}, "letters, digits"),
        ({"evil": 1}, "invalid message"),
    ],
)
def test_invalid_correction_is_an_error_and_writes_nothing(client, session, tmp_path, changes, message: str):
    response = client.post(PATH, json=correction(session) | changes)
    assert response.status_code == 400
    assert message in response.json()["message"]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"\xff", b'{"text": "\\ud800"}'])
def test_invalid_body_is_refused(client: TestClient, body: bytes):
    response = client.post(PATH, content=body)
    assert (response.status_code, "invalid message" in response.json()["message"]) == (400, True)


def test_correction_without_saved_audio_is_refused(client: TestClient, session: str, tmp_path: Path):
    (tmp_path / "live" / session / "sound.pcm").unlink()
    assert "was not saved" in client.post(PATH, json=correction(session)).json()["message"]


def test_imported_dataset_is_not_changed(client: TestClient, session: str, tmp_path: Path):
    _, row = add_correction(tmp_path / "data", "theirs", Correction("a", STREAM[:1600], "Hello.", "en"))
    before = write_corpus(tmp_path / "data/theirs", Origin(name="theirs", source="a package"), [row])
    assert (
        "not a dataset of corrections" in client.post(PATH, json=correction(session, corpus="theirs")).json()["message"]
    )
    assert read_corpus(tmp_path / "data/theirs") == before


@pytest.mark.parametrize(
    ("logged_in", "headers", "reason"),
    [
        (False, {}, LOG_IN),
        (True, {"origin": "https://evil.example"}, WRONG_ORIGIN),
        (True, {"origin": "null"}, WRONG_ORIGIN),
    ],
)
def test_corrections_refuse_logged_out_users_and_other_origins(
    session: str, tmp_path: Path, logged_in: bool, headers: dict, reason: str
):
    response = make_client(tmp_path, logged_in).post(PATH, json=correction(session), headers=headers)
    assert (response.status_code, response.json()["message"]) == (403, reason)
    assert not (tmp_path / "data").exists()


def test_caption_of_an_old_record_without_language_is_refused(client: TestClient, tmp_path: Path):
    record = SessionRecord(tmp_path / "live", new_session_id())
    record.create()
    record.append(replace(CAPTIONS[0], language=None), 0)
    record.file.write_text(record.file.read_text().replace(', "language": null', ""))
    assert client.post(PATH, json=correction(record.folder.name)).status_code == 400


def test_unexpected_error_is_a_status_500_with_a_message(
    client: TestClient, session: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("qal.api.corrections.add_to_corpus", lambda *_: 1 / 0)
    response = client.post(PATH, json=correction(session))
    assert (response.status_code, response.json()["message"]) == (500, "the server could not do this; try again")
