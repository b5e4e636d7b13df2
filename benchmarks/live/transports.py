"""Delays over either transport of the Live page: the real server in a process of its own, one client in real time."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urljoin

import httpx
from websockets.asyncio.client import connect

from benchmarks.browser import served
from benchmarks.live.player import PACKET, Played, percentiles
from benchmarks.live.spoken import Clip, Stream, make_stream
from qal.api.live_batches import Message, pack_batch
from qal.api.live_events import CONNECTION_HEADER, EVENTS_PATH, MESSAGES_PATH
from qal.api.live_socket import PATH
from qal.audio.samples import SAMPLE_RATE
from qal.captions.final_captions import Caption
from qal.captions.protocol import pack

MAX_POSTS = 2  # requests at the same time, as in ui_components/live/transport.js
FINISH = json.dumps({"do": "finish"})
Send = Callable[[Message], None]


def transport_delays(model: str, clips: list[Clip]) -> dict[str, float]:
    """Milliseconds from the true end of speech to the final text, over a WebSocket and over requests, in one run."""
    figures: dict[str, float] = {}
    join_message = json.dumps({"model": model, "language": clips[0][2]})
    with tempfile.TemporaryDirectory() as folder:
        options = ("--model", model, "--live", str(Path(folder) / "live"), "--runs", str(Path(folder) / "runs"))
        with served("app_streaming.py", *options) as (address, _):
            for name, speak in (("socket", speak_over_socket), ("events", speak_over_events)):
                asyncio.run(speak(address, join_message, make_stream(clips[:2])))  # warm-up
                played = asyncio.run(speak(address, join_message, make_stream(clips)))
                found = percentiles(played.final_delays())
                figures |= {f"{name}_final_latency_ms_{key}": value for key, value in found.items()}
                figures[f"{name}_lost"] = played.lost()
    return figures


async def speak_over_socket(address: str, join_message: str, stream: Stream) -> Played:
    async with connect(urljoin(address, PATH).replace("http", "ws", 1), proxy=None) as socket:
        await socket.send(join_message)
        waiting: asyncio.Queue[Message] = asyncio.Queue()

        async def send_waiting() -> None:
            while True:
                await socket.send(await waiting.get())

        sending = asyncio.create_task(send_waiting())
        messages = (json.loads(text) async for text in socket)
        played = await converse(stream, messages, waiting.put_nowait)
        sending.cancel()
        return played


async def speak_over_events(address: str, join_message: str, stream: Stream) -> Played:
    async with (
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
        client.stream("POST", urljoin(address, EVENTS_PATH), content=join_message) as response,
    ):
        lines = response.aiter_lines()
        messages = (json.loads(line[6:]) async for line in lines if line.startswith("data: "))
        connection = (await anext(messages))["connection"]
        return await converse(stream, messages, Poster(client, urljoin(address, MESSAGES_PATH), connection).send)


class Poster:
    """Sends messages in batches, as the page does: what was recorded during a request goes into the next one."""

    def __init__(self, client: httpx.AsyncClient, address: str, connection: str):
        self._client, self._address = client, address
        self._headers = {CONNECTION_HEADER: connection}
        self._waiting: list[Message] = []
        self._number = 0
        self._posts: set[asyncio.Task[None]] = set()

    def send(self, message: Message) -> None:
        self._waiting.append(message)
        self._post_waiting()

    def _post_waiting(self) -> None:
        if self._waiting and len(self._posts) < MAX_POSTS:
            batch = pack_batch(self._number, self._waiting)
            self._number += len(self._waiting)
            self._waiting = []
            post = asyncio.create_task(self._post(batch))
            self._posts.add(post)
            post.add_done_callback(self._posts.discard)
            post.add_done_callback(lambda _: self._post_waiting())

    async def _post(self, batch: bytes) -> None:
        response = await self._client.post(self._address, content=batch, headers=self._headers)
        response.raise_for_status()


async def converse(stream: Stream, messages: AsyncIterator[dict], send: Send) -> Played:
    """Speaks a stream in real time once the server is ready; returns the captions with their times."""
    played = Played(stream)
    assert (await anext(messages))["type"] == "ready"
    began = time.perf_counter() + 0.2
    speaking = asyncio.create_task(speak(stream, began, send))
    async for message in messages:
        at = time.perf_counter() - began
        fields = ("index", "start_s", "end_s", "text", "final")
        played.shown += [(at, Caption(*(c[name] for name in fields))) for c in message.get("captions", [])]
        if message["type"] == "finished":
            break
    await speaking
    return played


async def speak(stream: Stream, began: float, send: Send) -> None:
    for start in range(0, len(stream.samples), PACKET):
        packet = stream.samples[start : start + PACKET]
        await asyncio.sleep(max(0.0, began + (start + len(packet)) / SAMPLE_RATE - time.perf_counter()))
        send(pack(start, packet))
    send(FINISH)
