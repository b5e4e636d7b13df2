"""A reverse proxy on loopback that terminates TLS, as a share link or a web server does."""

import asyncio
import concurrent.futures
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import trustme

Head = list[str]  # the request line and the headers
HeadRewriter = Callable[[Head], Head]

AUTHORITY = trustme.CA()


def without_header(name: str, head: Head) -> Head:
    return [line for line in head if not line.lower().startswith(f"{name}:")]


def keep_host(head: Head) -> Head:
    """Rewrites as Gradio's share tunnel does: Host is the browser's, and no header says that there was TLS."""
    return [*head, "X-Forwarded-For: 192.0.2.7"]


def replace_host(head: Head) -> Head:
    """Rewrites as nginx with X-Forwarded headers does: Host is the server's."""
    (host,) = set(head) - set(without_header("host", head))
    return [*without_header("host", head), "Host: behind", f"X-Forwarded-{host}", "X-Forwarded-Proto: https"]


def under_path(path: str) -> HeadRewriter:
    """Returns a rewriter for a server that is shown under `path`. Other paths close the connection."""

    def rewrite(head: Head) -> Head:
        verb, target, version = head[0].split(" ")
        if not target.startswith(f"{path}/"):
            raise ConnectionError(f"{target} is not under {path}")
        return replace_host([f"{verb} {target.removeprefix(path)} {version}", *head[1:]])

    return rewrite


@contextmanager
def tls_proxy(address: str, rewrite: HeadRewriter) -> Iterator[str]:
    """Runs a proxy for the server at `address`; yields the proxy's address."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    started = concurrent.futures.Future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):  # browsers open connections that they never use
            await relay(reader, writer, urlsplit(address).port or 80, rewrite)
        writer.close()

    async def listen() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            started.set_result((port, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=[listen()])
    thread.start()
    port, stop_server = started.result(10)
    try:
        yield f"https://127.0.0.1:{port}"
    finally:
        stop_server()
        thread.join()


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, rewrite: HeadRewriter) -> None:
    """Relays one request or one WebSocket to the server at `port`."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
    if "upgrade: websocket" not in map(str.lower, head):
        head = [*without_header("connection", head), "Connection: close"]
    lines = rewrite(head)
    server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
    server_writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    directions = ((reader, server_writer), (server_reader, writer))
    tasks = [asyncio.create_task(copy_stream(*direction)) for direction in directions]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    server_writer.close()


async def copy_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # the connection was closed
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
