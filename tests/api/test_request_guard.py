"""The guard alone, without a server in front of it that may refuse a request first."""

import asyncio
from typing import Any

import pytest

from qal.api.origin import HostNames
from qal.api.request_guard import MAX_BODY_BYTES, RequestGuard
from tests.run_async import run_async


def scope(**headers: str) -> dict[str, Any]:
    sent = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    encoded = [(name.encode(), value.encode()) for name, value in sent.items()]
    return {"type": "http", "method": "POST", "path": "/x", "headers": encoded, "query_string": b"", "scheme": "http"}


async def answer(app: Any, scope: dict[str, Any], body: bytes = b"") -> int:
    """Returns the status of the response."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await RequestGuard(app, HostNames("localhost"), lambda _: True, MAX_BODY_BYTES)(scope, receive, send)
    return sent[0]["status"]


async def never_called(*_: Any) -> None:
    raise AssertionError


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "1e3", str(MAX_BODY_BYTES + 1)])
def test_lengths_that_are_no_acceptable_number_are_refused(length: str):
    assert run_async(answer(never_called, scope(content_length=length))) == 413


def test_a_cancelled_request_stays_cancelled_after_its_body_was_cut_off():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
        except Exception:
            raise asyncio.CancelledError from None

    with pytest.raises(asyncio.CancelledError):
        run_async(answer(app, scope(), bytes(MAX_BODY_BYTES + 1)))
