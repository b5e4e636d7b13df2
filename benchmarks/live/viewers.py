"""The cost of the viewers of an audience link: CPU seconds of the real server, against those of one more speaker.

The speakers and the viewers are in other processes than the server and talk to it over loopback, the speakers in real
time."""

import asyncio
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

import httpx
import psutil
from websockets.sync.client import ClientConnection, connect

from benchmarks.browser import served
from benchmarks.live.player import PACKET, cpu_seconds
from benchmarks.live.spoken import Clip, Stream, make_stream
from qal.api.audience.control import PATH as CONTROL_PATH
from qal.api.audience.routes import PREFIX
from qal.api.live_socket import PATH as SOCKET_PATH
from qal.audio.samples import SAMPLE_RATE
from qal.captions.protocol import pack

VIEWERS = 200
START_TIMEOUT_S = 60.0


class Speaker:
    """A client that sends a stream in real time and counts the final captions."""

    def __init__(self, address: str, model: str, language: str):
        self._socket: ClientConnection = connect(address.replace("http", "ws").rstrip("/") + SOCKET_PATH)
        self._socket.send(json.dumps({"model": model, "language": language}))
        self.session: str = json.loads(self._socket.recv(START_TIMEOUT_S))["session"]
        self.finals = 0
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def speak(self, stream: Stream) -> None:
        """Sends the stream and returns when all captions are final."""
        began = time.perf_counter()
        for start in range(0, len(stream.samples), PACKET):
            packet = stream.samples[start : start + PACKET]
            time.sleep(max(0.0, began + (start + len(packet)) / SAMPLE_RATE - time.perf_counter()))
            self._socket.send(pack(start, packet))
        self._socket.send(json.dumps({"do": "finish"}))
        self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        while (message := json.loads(self._socket.recv()))["type"] != "finished":
            self.finals += sum(bool(c["final"] and c["text"]) for c in message.get("captions", []))


def viewers_cost(model: str, clips: list[Clip]) -> dict[str, float]:
    """Returns CPU seconds of the server for one second of a speaker: alone, with viewers, with a second speaker."""
    stream, language = make_stream(clips), clips[0][2]
    with (
        tempfile.TemporaryDirectory() as live,
        served("app_streaming.py", "--model", model, "--live", live) as (url, _),
    ):
        (server,) = [p for p in psutil.Process().children() if str(urlsplit(url).port) in p.cmdline()]
        measure(server, [Speaker(url, model, language)], make_stream(clips[:2]))  # warm-up
        alone = measure(server, [Speaker(url, model, language)], stream)
        speaker = Speaker(url, model, language)
        with viewers(url, make_link(url, speaker.session)) as seen:
            watched = measure(server, [speaker], stream)
            missed = VIEWERS * speaker.finals - sum(seen())
        two = measure(server, [Speaker(url, model, language) for _ in range(2)], stream)
    return {
        "0_cpu_s_per_audio_s": round(alone, 4),
        f"{VIEWERS}_cpu_s_per_audio_s": round(watched, 4),
        "0_two_speakers_cpu_s_per_audio_s": round(two, 4),
        f"{VIEWERS}_cost_in_speakers": round((watched - alone) / (two - alone), 3),
        f"{VIEWERS}_lines": VIEWERS * speaker.finals,
        f"{VIEWERS}_lines_missed": missed,
    }


def measure(server: psutil.Process, speakers: list[Speaker], stream: Stream) -> float:
    """Returns the CPU seconds of the server for one second of the stream."""
    before = cpu_seconds(server)
    with ThreadPoolExecutor(len(speakers)) as pool:
        list(pool.map(lambda speaker: speaker.speak(stream), speakers))
    return (cpu_seconds(server) - before) / stream.duration_s


def make_link(address: str, session: str) -> str:
    """Switches the audience link of a session on and returns its path."""
    body = {"do": "on", "panes": [{"session": session, "label": ""}], "page": address}
    answer = httpx.post(address.rstrip("/") + CONTROL_PATH, json=body, trust_env=False).raise_for_status()
    return PREFIX + answer.json()["link"].rpartition("/")[2]


@contextmanager
def viewers(address: str, path: str) -> Iterator:
    """Connects the viewers, in a process of their own; yields a function that returns how many lines each has read."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=run_viewers, args=(urlsplit(address).port, f"{path}/events", there))
    process.start()
    try:
        assert here.poll(START_TIMEOUT_S), "the viewers could not connect"
        here.recv()

        def seen() -> list[int]:
            here.send("count")
            return here.recv()

        yield seen
    finally:
        process.terminate()
        process.join()


def run_viewers(port: int, path: str, pipe: Connection) -> None:
    asyncio.run(watch_all(port, path, pipe))


async def watch_all(port: int, path: str, pipe: Connection) -> None:
    """Reads streams until it is asked for the number of final captions that each has had."""
    connected, counts = asyncio.Semaphore(0), [0] * VIEWERS

    async def watch(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        while line := await reader.readline():
            if line == b"event: state\n":
                connected.release()
            counts[number] += line == b"event: final\n"

    tasks = [asyncio.create_task(watch(number)) for number in range(VIEWERS)]
    for _ in tasks:
        await connected.acquire()
    pipe.send("connected")
    await asyncio.to_thread(pipe.recv)
    await asyncio.sleep(1.0)  # the last lines are on their way
    pipe.send(counts)
