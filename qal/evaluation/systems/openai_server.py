"""A server with OpenAI's interface as the transcriber of an evaluation: POST BASE/audio/transcriptions.

    https://api.openai.com/v1#whisper-1        http://127.0.0.1:8000/v1#Systran/faster-whisper-small

The key of the environment variable OPENAI_API_KEY is sent over https, and over http to this machine alone."""

import io
import ipaddress
import json
import os
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from qal.audio.samples import PCM_BYTES, SAMPLE_RATE, Samples, to_pcm16
from qal.corpus.manifest import Row
from qal.errors import EvaluationError, ModelError
from qal.evaluation.systems.transcript_files import clean
from qal.evaluation.transcribers import Heard, Settings

KEY_VARIABLE = "OPENAI_API_KEY"
ENDPOINT = "/audio/transcriptions"
MAX_ANSWER_BYTES = 1_000_000
CONNECT_S, ANSWER_S = 10.0, 120.0  # time limits, the second of each read
TRIES = 4
PAUSE_S = 1.0  # before the second try, then twice as long each time
MAX_PAUSE_S = 60.0  # also where the server asks for a longer one
REFUSES_AUDIO = frozenset({400, 413, 415, 422})  # may concern a single example
BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504})  # worth another try


def is_server(name: str) -> bool:
    """True for an http or https address."""
    return name.lower().startswith(("http://", "https://"))


@dataclass(frozen=True)
class ServerAddress:
    """The address of a server, and the model that it is asked for."""

    url: str
    model: str
    may_send_key: bool

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


def parse_address(name: str) -> ServerAddress:
    """Splits an address such as "https://host/v1#model". Raises ModelError if a part is missing."""
    try:
        parts = urlsplit(name)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.username or parts.password or parts.query:
        raise ModelError(f"the address of {host} must hold no key and no ?; put the key into ${KEY_VARIABLE}")
    if not host or not parts.fragment:
        raise ModelError(f"'{name}' lacks a host or a model; write https://HOST/v1#MODEL")
    base = parts.path.rstrip("/").removesuffix(ENDPOINT)
    url = urlunsplit((parts.scheme.lower(), parts.netloc, base + ENDPOINT, "", ""))
    return ServerAddress(url, parts.fragment, parts.scheme.lower() == "https" or is_loopback(host))


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def key_of_environment() -> str:
    """Returns the key, "" if there is none. Raises ModelError, without the key, for one that no header can hold."""
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ModelError(f"${KEY_VARIABLE} holds characters that no key has; copy the key again")
    return key


class _TooLateError(Exception):
    """A request took longer than its limit."""


@contextmanager
def closed_after(client: httpx.Client, limit_s: float) -> Iterator[None]:
    """Closes the client's connections after a time: httpx limits each read, and a server can answer a byte at a time.

    Raises _TooLateError, with the error of the closed connection as its cause."""
    is_late = threading.Event()

    def close() -> None:
        is_late.set()
        client.close()

    timer = threading.Timer(limit_s, close)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if is_late.is_set():
            raise _TooLateError from error
        raise
    finally:
        timer.cancel()


def as_wav(samples: Samples) -> bytes:
    """Returns samples, (n,) at 16 kHz, as a WAV file of 16 bits."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(PCM_BYTES)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(to_pcm16(samples).tobytes())
    return buffer.getvalue()


class ServerTranscriber:
    """Transcripts of a server with OpenAI's interface."""

    def __init__(self, address: ServerAddress, pause_s: float = PAUSE_S):
        self.address = address
        self._pause_s = pause_s
        self._has_answered = False  # from then on a refusal concerns the example, not the settings
        key = key_of_environment()
        self._key_withheld = bool(key) and not address.may_send_key
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key and address.may_send_key else {},
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            follow_redirects=False,  # the key must not follow one
            trust_env=not is_loopback(urlsplit(address.url).hostname or ""),  # no proxy to this machine
        )

    @property
    def settings(self) -> Settings:
        return {"server": self.address.host, "model": self.address.model, "temperature": 0}

    def transcribe(self, row: Row, samples: Samples, language: str) -> Heard:
        """Sends an example as WAV.

        Raises:
            EvaluationError: the server refuses this example.
            ModelError: the server cannot be used."""
        fields = {"model": self.address.model, "response_format": "json", "temperature": "0"}
        fields |= {"language": language} if language else {}
        audio = as_wav(samples)
        began = time.perf_counter()
        text = self._text(self._answer(fields, audio, row.audio))
        self._has_answered = True
        return Heard(text, time.perf_counter() - began)

    def _answer(self, fields: dict[str, str], audio: bytes, name: str) -> bytes:
        """Returns the body of the answer; a busy server is asked again."""
        status, body, wait_s = self._post(fields, audio)
        for attempt in range(1, TRIES):
            if status not in BUSY:
                break
            time.sleep(min(MAX_PAUSE_S, wait_s or self._pause_s * 2 ** (attempt - 1)))
            status, body, wait_s = self._post(fields, audio)
        if status == httpx.codes.OK:
            return body
        if status in REFUSES_AUDIO and self._has_answered:
            raise EvaluationError(f"{self.address.host} refuses '{name}': {reason_of(body)}")
        raise ModelError(f"{self.address.host} answers {status} ({reason_of(body)}); {self._advice(status)}")

    def _post(self, fields: dict[str, str], audio: bytes) -> tuple[int, bytes, float]:
        """Returns the status, the body, and the pause in seconds that the server asks for (0: none)."""
        host = self.address.host
        files = {"file": ("audio.wav", audio, "audio/wav")}
        try:
            with (
                closed_after(self._client, 2 * ANSWER_S),
                self._client.stream("POST", self.address.url, data=fields, files=files) as answer,
            ):
                body = b""
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        raise ModelError(f"{host} answers with more than {MAX_ANSWER_BYTES:,} bytes; check the address")
                return answer.status_code, body, pause_of(answer.headers.get("Retry-After", ""))
        except _TooLateError as error:
            raise ModelError(f"{host} takes too long for its answer; start it again") from error
        except httpx.TimeoutException as error:
            raise ModelError(f"{host} does not answer within {ANSWER_S:g} s; start it, then evaluate again") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            detail = " ".join(str(error).split()) or type(error).__name__
            raise ModelError(f"{host} cannot be reached ({detail}); check the address and start the server") from error

    def _text(self, body: bytes) -> str:
        try:
            text = json.loads(body)["text"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelError(f'{self.address.host} does not answer {{"text": …}}; check the address') from error
        if not isinstance(text, str):
            raise ModelError(f"{self.address.host} answers with a text that is none; check the address")
        return clean(text)

    def _advice(self, status: int) -> str:
        if status in (401, 403) and self._key_withheld:
            return "the key was not sent over http; use https, or a tunnel to this machine"
        if status in (401, 403):
            return f"put a valid key into ${KEY_VARIABLE}"
        if 300 <= status < 400:
            return "it sends elsewhere; use its final address"
        if status == 404:
            return "check the path, which usually ends with /v1, and the name of the model"
        return "check the model and the settings of the server" if status in REFUSES_AUDIO else "try again later"


def pause_of(header: str) -> float:
    """Returns the seconds of a Retry-After header; 0 if it names none."""
    return float(header) if header.isdecimal() and len(header) < 6 else 0.0


def reason_of(body: bytes) -> str:
    """Returns the server's own message in one short line."""
    try:
        found: Any = json.loads(body)
        found = found.get("error", found.get("detail", found.get("message", "")))
        found = found.get("message", "") if isinstance(found, dict) else found
    except (ValueError, AttributeError, RecursionError):
        found = ""
    text = " ".join(clean(str(found)).split())
    return text[:160] or "no reason given"
