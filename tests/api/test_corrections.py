"""From a caption on disk to a row of a corpus: whose line it is, whether its sound was kept, where it may go."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qal.api.corrections import MARGIN_S, MAX_BODY, PATH, correction_route
from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples, from_pcm16, to_pcm16
from qal.captions.record import Record, new_id
from qal.captions.saved_audio import KeptSound
from qal.captions.session import Caption
from qal.corpus.corrections import Correction, add_correction
from qal.corpus.manifest import Origin, read_corpus, write_corpus
from tests.fakes import noise

STREAM: Samples = from_pcm16(to_pcm16(noise(20 * SAMPLE_RATE)))
CAPTIONS = (
    Caption(0, 1.0, 2.5, "wrong one", final=True, language="en"),
    Caption(2, 4.0, 6.0, "wrong two", final=True, language="en"),
    Caption(3, 6.1, 8.0, "wrong three", final=True, language="en"),
    Caption(4, 9.0, 11.0, "half kept", final=True, language="en"),
    Caption(5, 12.0, 13.0, "never kept", final=True, language="en"),
    Caption(6, 14.0, 15.0, "a translation", final=True),
)
KEPT = int(10.0 * SAMPLE_RATE)


@pytest.fixture
def session(tmp_path: Path) -> str:
    """A recording of 20 s that has ended; the first ten were kept."""
    record = Record(tmp_path / "live", new_id())
    record.begin()
    for caption in CAPTIONS:
        record.append(caption, 0)
    sound = KeptSound(record.folder)
    sound.keep(0)
    sound.write(0, STREAM[:KEPT])
    return record.folder.name


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return client_of(tmp_path)


def client_of(folder: Path, logged_in: bool = True) -> TestClient:
    route = correction_route(folder / "live", folder / "data", lambda _: logged_in)
    return TestClient(Starlette(routes=[route]), base_url="http://here")


def order(session: str, **others) -> dict:
    return {"session": session, "index": 0, "text": "Right one.", "corpus": "mine", **others}


def samples(start_s: float, end_s: float) -> Samples:
    return STREAM[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]


@pytest.mark.parametrize(
    ("index", "start_s", "end_s"), [(0, 1 - MARGIN_S, 2.5 + MARGIN_S), (2, 4 - MARGIN_S, 6.1), (3, 6.0, 8 + MARGIN_S)]
)
def test_the_row_holds_the_spoken_samples_and_nothing_of_a_neighbour(client, session, tmp_path, index, start_s, end_s):
    answer = client.post(PATH, json=order(session, index=index))
    corpus = read_corpus(tmp_path / "data/mine")
    (row,) = corpus.rows
    assert (answer.status_code, answer.json()) == (200, {"corpus": "mine", "rows": 1, "split": row.split})
    assert (row.text, row.language, row.source) == ("Right one.", "en", "captions")
    assert decode(corpus.audio_path(row)).tolist() == samples(start_s, end_s).tolist()


def test_a_line_that_is_sent_again_replaces_its_row(client: TestClient, session: str, tmp_path: Path):
    for text in ("Right one.", "Rather this."):
        assert client.post(PATH, json=order(session, text=text)).json()["rows"] == 1
    assert [row.text for row in read_corpus(tmp_path / "data/mine").rows] == ["Rather this."]


def test_lines_sent_at_once_are_all_there(client: TestClient, session: str, tmp_path: Path):
    with ThreadPoolExecutor(6) as pool:
        sent = [order(session, index=index) for index in (0, 2, 3)] * 4
        answers = list(pool.map(lambda order: client.post(PATH, json=order).status_code, sent))
    assert answers == [200] * 12
    assert len(read_corpus(tmp_path / "data/mine").rows) == 3


def test_nobody_can_go_on_with_a_session_whose_name_stands_in_a_corpus(client, session: str, tmp_path: Path):
    client.post(PATH, json=order(session))
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert not [path for path in files if session in path.name or session.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"session": new_id()}, "no longer on the server"),
        ({"session": "../../../etc/passwd"}, "no session's name"),
        ({"index": 1}, "no such caption"),
        ({"index": -1}, "not one of ours"),
        ({"index": 4}, "was not kept"),
        ({"index": 5}, "was not kept"),
        ({"index": 6}, "is a translation"),
        ({"text": " "}, "no words"),
        ({"text": "x" * 501}, "501 letters"),
        ({"text": "x" * MAX_BODY}, "too long"),
        ({"corpus": "../mine"}, "letters, digits"),
        ({"corpus": "/tmp/mine"}, "letters, digits"),
        ({"corpus": ""}, "letters, digits"),
        ({"evil": 1}, "not one of ours"),
    ],
)
def test_a_wrong_order_is_one_sentence_and_writes_nothing(client, session, tmp_path, wrong, sentence: str):
    answer = client.post(PATH, json=order(session) | wrong)
    assert answer.status_code == 400
    assert sentence in answer.json()["message"]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"\xff", b'{"text": "\\ud800"}'])
def test_a_body_that_is_no_order_is_refused(client: TestClient, body: bytes):
    answer = client.post(PATH, content=body)
    assert (answer.status_code, "not one of ours" in answer.json()["message"]) == (400, True)


def test_where_no_sound_was_kept_no_line_is_added(client: TestClient, session: str, tmp_path: Path):
    (tmp_path / "live" / session / "sound.pcm").unlink()
    assert "was not kept" in client.post(PATH, json=order(session)).json()["message"]


def test_an_imported_corpus_is_not_ours_to_write(client: TestClient, session: str, tmp_path: Path):
    _, row = add_correction(tmp_path / "data", "theirs", Correction("a", STREAM[:1600], "Hello.", "en"))
    before = write_corpus(tmp_path / "data/theirs", Origin(name="theirs", source="a package"), [row])
    assert "not made of captions" in client.post(PATH, json=order(session, corpus="theirs")).json()["message"]
    assert read_corpus(tmp_path / "data/theirs") == before


@pytest.mark.parametrize(
    ("logged_in", "headers"), [(False, {}), (True, {"origin": "https://evil.example"}), (True, {"origin": "null"})]
)
def test_strangers_and_other_sites_add_nothing(session: str, tmp_path: Path, logged_in: bool, headers: dict):
    answer = client_of(tmp_path, logged_in).post(PATH, json=order(session), headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (403, "log in, then reload the page")
    assert not (tmp_path / "data").exists()


def test_a_caption_of_an_older_record_says_no_language(client: TestClient, tmp_path: Path):
    record = Record(tmp_path / "live", new_id())
    record.begin()
    record.append(replace(CAPTIONS[0], language=None), 0)
    record.file.write_text(record.file.read_text().replace(', "language": null', ""))
    assert client.post(PATH, json=order(record.folder.name)).status_code == 400


def test_a_fault_of_ours_is_one_sentence_too(client: TestClient, session: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qal.api.corrections.add", lambda *_: 1 / 0)
    answer = client.post(PATH, json=order(session))
    assert (answer.status_code, answer.json()["message"]) == (500, "the server failed to add this line; try again")
