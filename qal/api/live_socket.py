"""WebSocket of the Live page (/qal/live), behind the login of the page: a transport of `LiveConnection`."""

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from qal.api.access import FORBIDDEN, Allowed, UserOf, no_user, refusal_reason
from qal.api.live_connection import DisconnectedError, LiveConnection, Message
from qal.api.live_hub import LiveHub

PATH = "/qal/live"


def live_route(hub: LiveHub, allowed: Allowed, user_of: UserOf = no_user) -> WebSocketRoute:
    async def serve(socket: WebSocket) -> None:
        await socket.accept()
        if reason := refusal_reason(socket, allowed):
            await socket.close(FORBIDDEN, reason)
            return
        await LiveConnection(hub, SocketTransport(socket), lambda: allowed(socket), user_of(socket)).run()

    return WebSocketRoute(PATH, serve)


class SocketTransport:
    """The messages of a WebSocket: binary packets and texts up, texts down. The network waits for a slow server."""

    def __init__(self, socket: WebSocket):
        self._socket = socket

    async def receive(self) -> Message:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise DisconnectedError
        packet = message.get("bytes")
        return message["text"] if packet is None else packet

    async def send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError) as error:  # Starlette raises either if the client has disconnected
            raise DisconnectedError from error

    async def close(self, code: int, reason: str = "") -> None:
        try:
            await self._socket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise DisconnectedError from error
