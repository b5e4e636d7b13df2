"""A server with OpenAI's interface, on the loopback address: what is sent, what is taken, and each way to fail."""

import contextlib
import io
import json
import socket
import threading
import time
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from qal.corpus.manifest import Row
from qal.errors import EvaluationError, ModelError
from qal.evaluation.systems import openai_server
from qal.evaluation.systems.openai_server import KEY_VARIABLE, ServerTranscriber, is_server, parse_address
from tests.sounds import sine

ROW = Row(audio="audio/a.wav", text="x", language="en", duration_s=1, split="test", sha256="0" * 64)
SAMPLES = sine(300, 1.0, amplitude=0.5)
KEY = "sk-test"


@dataclass
class Script:
    """The answers of the server, the last of which is repeated, and what was asked."""

    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(200, b'{"text": "hello  there "}')])
    headers: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def address(script: Script) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            script.paths.append(self.path)
            script.keys.append(self.headers.get("Authorization"))
            script.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            self.send_response(status)
            for name, value in script.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Logs nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1#tiny"
    server.shutdown()
    server.server_close()


def ask(address: str) -> str:
    return ServerTranscriber(parse_address(address), pause_s=0).transcribe(ROW, SAMPLES, "en").text


def test_a_server_gets_the_audio_the_model_the_language_and_the_key(address: str, script: Script, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert ask(address) == "hello there"
    assert (script.paths, script.keys) == (["/v1/audio/transcriptions"], [f"Bearer {KEY}"])
    (body,) = script.bodies
    for part in (b'name="model"\r\n\r\ntiny', b'name="language"\r\n\r\nen', b'name="temperature"\r\n\r\n0'):
        assert part in body
    audio = body[body.index(b"RIFF") :]
    with wave.open(io.BytesIO(audio)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (16_000, 1, len(SAMPLES))


def test_without_a_key_none_is_sent(address: str, script: Script, monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    ask(address)
    assert script.keys == [None]


def test_the_key_is_not_sent_in_the_clear_to_another_machine():
    assert parse_address("https://api.example.com/v1#m").may_send_key
    assert parse_address("http://localhost:8000/v1#m").may_send_key
    assert parse_address("http://[::1]:8000/v1#m").may_send_key
    assert not parse_address("http://api.example.com/v1#m").may_send_key
    assert not parse_address("http://127.0.0.1.example.com/v1#m").may_send_key


def test_the_time_of_an_answer_is_its_computation(address: str):
    heard = ServerTranscriber(parse_address(address)).transcribe(ROW, SAMPLES, "en")
    assert heard.seconds is not None
    assert heard.seconds > 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(address: str, script: Script, status: int):
    script.answers = [(status, b"busy"), (status, b"busy"), (200, b'{"text": "at last"}')]
    assert ask(address) == "at last"


def test_the_pause_that_a_server_asks_for_is_kept_up_to_a_limit(address: str, script: Script, monkeypatch):
    pauses: list[float] = []
    monkeypatch.setattr(openai_server.time, "sleep", pauses.append)
    script.headers = {"Retry-After": "7"}
    script.answers = [(429, b""), (200, b'{"text": ""}')]
    assert ask(address) == ""
    script.headers = {"Retry-After": "99999"}
    script.answers = [(429, b""), (200, b'{"text": ""}')]
    ask(address)
    assert pauses == [7, openai_server.MAX_PAUSE_S]


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b'{"error": {"message": "bad key"}}', r"answers 401 \(bad key\); put a valid key into \$OPENAI_API_KEY"),
        (404, b'{"detail": "no such model"}', r"answers 404 \(no such model\); check the path"),
        (400, b'{"error": {"message": "too short"}}', r"answers 400 \(too short\); check the model"),
        (302, b"", "answers 302 .*use its final address"),
        (503, b"<html>", r"answers 503 \(no reason given\); try again later"),
        (200, b"<html>hello</html>", "check the address"),
        (200, b'{"result": "x"}', "check the address"),
        (200, b'["text"]', "check the address"),
        (200, b'{"text": 5}', "check the address"),
        (200, b'{"text": "' + b"a" * 1_100_000 + b'"}', "more than 1,000,000 bytes"),
        (200, b"\xff\xfe\x00", "check the address"),
    ],
)
def test_a_server_that_cannot_be_used_is_one_sentence(
    address: str, script: Script, status: int, body: bytes, message: str
):
    script.answers = [(status, body)]
    with pytest.raises(ModelError, match=message) as caught:
        ask(address)
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_refusal_after_an_answer_leaves_one_example_out(address: str, script: Script):
    transcriber = ServerTranscriber(parse_address(address), pause_s=0)
    transcriber.transcribe(ROW, SAMPLES, "en")
    script.answers = [(400, b'{"error": {"message": "audio is too short"}}')]
    with pytest.raises(EvaluationError, match="audio is too short"):
        transcriber.transcribe(ROW, SAMPLES, "en")
    script.answers = [(401, b"")]
    with pytest.raises(ModelError):
        transcriber.transcribe(ROW, SAMPLES, "en")


def test_text_that_is_no_unicode_can_be_stored(address: str, script: Script):
    script.answers = [(200, json.dumps({"text": "a\ud800b\nc"}).encode())]
    assert ask(address) == "a?b c"


def test_a_server_that_is_not_there_is_one_sentence():
    with pytest.raises(ModelError, match=r"cannot be reached .*start the server"):
        ask("http://127.0.0.1:9/v1#m")


def test_a_server_that_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr(openai_server, "ANSWER_S", 0.2)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(ModelError, match="does not answer within"):
        ask(f"http://127.0.0.1:{silent.getsockname()[1]}/v1#m")


BEGINNINGS = {  # of an answer, and what is sent again and again
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "informational answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("place", BEGINNINGS)
def test_a_server_that_answers_a_byte_at_a_time_is_given_up(monkeypatch, place: str):
    monkeypatch.setattr(openai_server, "ANSWER_S", 0.2)
    first, again = BEGINNINGS[place]

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(first)
            while True:
                connection.sendall(again)
                time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        with pytest.raises(ModelError, match="takes too long"):
            ask(f"http://127.0.0.1:{listener.getsockname()[1]}/v1#m")


@pytest.mark.parametrize(
    "name",
    [
        "http://host/v1",
        "https://#m",
        "http:///v1#m",
        "https://user:pass@host/v1#m",
        "https://host/v1?key=a#m",
        "http://[::1#m",
        "https://host/v1?key=secret",
        "https://user:secret@host/v1",
    ],
)
def test_an_address_without_host_or_model_or_with_a_key_is_refused_without_showing_the_key(name: str):
    assert is_server(name)
    with pytest.raises(ModelError) as refused:
        parse_address(name)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("key", ["sk-secret\nX: y", "sk-secretü", "sk-\x01secret"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(address: str, monkeypatch, key: str):
    monkeypatch.setenv(KEY_VARIABLE, key)
    with pytest.raises(ModelError) as refused:
        ask(address)
    assert "secret" not in str(refused.value)


def test_spaces_and_line_breaks_around_the_key_are_not_sent(address: str, script: Script, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, f" {KEY}\n")
    ask(address)
    assert script.keys == [f"Bearer {KEY}"]


def test_an_address_may_end_with_the_endpoint_or_a_slash():
    for name in ("https://h/v1#m", "https://h/v1/#m", "https://h/v1/audio/transcriptions#m"):
        assert parse_address(name).url == "https://h/v1/audio/transcriptions"
