"""A reverse proxy that ends TLS, on loopback: what stands between a caption server and those who read it."""

import asyncio
import concurrent.futures
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import trustme

Head = list[str]  # a request's lines before its body: what is asked for, then the headers
Manner = Callable[[Head], Head]

AUTHORITY = trustme.CA()


def without(name: str, head: Head) -> Head:
    return [line for line in head if not line.lower().startswith(f"{name}:")]


def keeps_host(head: Head) -> Head:
    """As Gradio's share tunnel: the Host that the browser named, and no word of TLS."""
    return [*head, "X-Forwarded-For: 192.0.2.7"]


def names_itself(head: Head) -> Head:
    """As nginx with X-Forwarded headers: Host is the server behind it."""
    (host,) = set(head) - set(without("host", head))
    return [*without("host", head), "Host: behind", f"X-Forwarded-{host}", "X-Forwarded-Proto: https"]


def under(path: str) -> Manner:
    """As a larger site that shows the server under a path; elsewhere is nothing."""

    def manner(head: Head) -> Head:
        verb, target, version = head[0].split(" ")
        if not target.startswith(f"{path}/"):
            raise ConnectionError(f"{target} is not under {path}")
        return names_itself([f"{verb} {target.removeprefix(path)} {version}", *head[1:]])

    return manner


@contextmanager
def tls_proxy(address: str, manner: Manner) -> Iterator[str]:
    """-> its own address, for the server at `address`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    started = concurrent.futures.Future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):  # browsers open connections that they never use
            await relay(reader, writer, urlsplit(address).port or 80, manner)
        writer.close()

    async def listen() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            started.set_result((port, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=[listen()])
    thread.start()
    port, end = started.result(10)
    try:
        yield f"https://127.0.0.1:{port}"
    finally:
        end()
        thread.join()


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, manner: Manner) -> None:
    """One request, or one socket."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
    if "upgrade: websocket" not in map(str.lower, head):
        head = [*without("connection", head), "Connection: close"]
    lines = manner(head)
    behind_reader, behind = await asyncio.open_connection("127.0.0.1", port)
    behind.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    ways = [asyncio.create_task(pump(*way)) for way in ((reader, behind), (behind_reader, writer))]
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    behind.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # the other end has gone
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
