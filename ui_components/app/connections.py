"""Limits of the connections to the server and their end with it, for which Gradio has no options."""

import asyncio
from typing import Any

import gradio as gr
from uvicorn.protocols.http.h11_impl import H11Protocol

from qal.captions.protocol import MAX_PACKET_BYTES

REQUEST_TIMEOUT_S = 30.0  # for a complete request line and headers
SHUTDOWN_GRACE_S = 1.0  # for the requests in progress when the server ends; events of a page would last for ever
MAX_WAITING = 256  # connections without a request; above, the oldest ones are closed


def limit_connections(page: gr.Blocks) -> None:
    """Limits the messages of WebSockets and the connections that send no request.

    The server of the page reads these settings at each new connection."""
    assert page.server
    page.server.config.ws_max_size = MAX_PACKET_BYTES  # larger than any other message of the Live page

    def new_connection(**options: Any) -> asyncio.Protocol:
        return LimitedConnection(waiting, **options)

    waiting: dict[LimitedConnection, None] = {}
    page.server.config.http_protocol_class = new_connection  # type: ignore[assignment]


class LimitedConnection(H11Protocol):
    """An HTTP connection that is closed if it has no complete request for REQUEST_TIMEOUT_S, and with the server.

    Connections without a request would otherwise use up the files that the process may open.

    Args:
        waiting: all connections that may have no request, the oldest first."""

    def __init__(self, waiting: "dict[LimitedConnection, None]", **options: Any):
        super().__init__(**options)
        self._waiting = waiting

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._waiting[self] = None
        while len(self._waiting) > MAX_WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            if oldest.is_idle:
                oldest.transport.close()
        self.loop.call_later(REQUEST_TIMEOUT_S, self._close_if_idle_since, self.cycle)

    def shutdown(self) -> None:
        super().shutdown()
        self.loop.call_later(SHUTDOWN_GRACE_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.pop(self, None)
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """True if no request is being answered. A connection that became a WebSocket has another protocol."""
        is_http = self.transport.get_protocol() is self
        return is_http and (self.cycle is None or self.cycle.response_complete)

    def _close_if_idle_since(self, request: Any) -> None:
        """Closes the connection if `request` is still the last one. None: there was none; False: it was not idle."""
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._waiting.pop(self, None)
        elif self.is_idle and self.cycle is request:
            self.transport.close()
        else:
            last = self.cycle if self.is_idle else False
            self.loop.call_later(REQUEST_TIMEOUT_S, self._close_if_idle_since, last)
