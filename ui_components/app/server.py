"""The server of a page: its address, its login, and what is checked before a request reaches the page."""

import functools
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import gradio as gr
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from qal.errors import OptionError
from ui_components.app.connections import limit_connections
from ui_components.app.server_options import ServeOptions
from ui_components.app.theme import STYLES, theme
from ui_components.app.uploads import MAX_UPLOAD_BYTES

Allowed = Callable[[HTTPConnection], bool]  # True if the connection's user is logged in
UserOf = Callable[[HTTPConnection], str | None]  # the name of the connection's user; None if there is no login
ShareAddress = Callable[[], str | None]  # the address of the share link; None while there is none
Routes = Callable[[Allowed, UserOf, ShareAddress], Sequence[BaseRoute]]
Guard = Callable[[ASGIApp, Allowed, ShareAddress], ASGIApp]  # wraps the server's application


class Users(Protocol):
    """The accounts of the page. They may change while the page is served."""

    async def authenticate(self, name: str, password: str) -> bool: ...
    def is_known(self, name: str) -> bool: ...


def serve(
    page: gr.Blocks,
    options: ServeOptions,
    guard: Guard,
    routes: Routes = lambda allowed, user_of, share_address: [],
    users: Users | None = None,
    readable: Sequence[Path] = (),
) -> None:
    """Serves a page until Ctrl-C and prints its address.

    Args:
        page: the Gradio page.
        options: address and login.
        guard: wraps the application, so that a request reaches nothing before it was checked.
        routes: creates further HTTP routes, given functions that check the login of a connection, name its user, and
            return the address of the share link.
        users: the accounts that may log in; None if there is no login.
        readable: folders whose files the page may show.

    Raises:
        OptionError: the address is not one of this machine, or the port is not free."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # no requests to other servers
    os.environ.setdefault("MPLBACKEND", "agg")  # Gradio reads it at each event, and imports pyplot if it is not set
    require_local_address(options.host)
    local, shared = launch(page, options, guard, routes, users, readable)
    limit_connections(page)
    print(f"Qal is at {local}", flush=True)
    if options.share:
        failure = "Could not create a share link: no connection to gradio.live."
        print(f"Shared at {shared}" if shared else failure, flush=True)
    page.block_thread()


def launch(
    page: gr.Blocks,
    options: ServeOptions,
    guard: Guard,
    routes: Routes,
    users: Users | None,
    readable: Sequence[Path],
) -> tuple[str, str | None]:
    """Starts the server; the arguments are those of `serve`.

    Returns its address, and that of the share link. Raises OptionError if the port is not free."""
    authenticate: Any = users.authenticate if users else None  # Gradio awaits it, although its type says otherwise
    try:
        _, local, shared = page.launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            root_path=options.root_path,
            auth=authenticate,
            allowed_paths=[str(folder.resolve()) for folder in readable],
            theme=theme(),
            css_paths=STYLES,
            max_file_size=MAX_UPLOAD_BYTES,
            footer_links=[],
            run_history=False,  # no transcripts in the browser's storage
            ssr_mode=False,
            enable_monitoring=False,
            mcp_server=False,
            quiet=True,
            prevent_thread_lock=True,
            app_kwargs=application_settings(page, guard, routes, users),
        )
    except OSError as error:
        message = f"port {options.port} on {options.host} is not free; choose another one with --port"
        raise OptionError(message) from error
    return local, shared


def application_settings(page: gr.Blocks, guard: Guard, routes: Routes, users: Users | None) -> dict[str, Any]:
    """Returns the arguments with which Gradio creates the FastAPI application of a page."""
    allowed = functools.partial(is_logged_in, page, users)
    user_of = functools.partial(logged_in_user, page, users)
    return {
        "routes": list(routes(allowed, user_of, lambda: page.share_url)),
        "lifespan": functools.partial(guarded, page, guard, allowed),
        "openapi_url": None,
        "middleware": [Middleware(LogoutRemovedUsers, page=page, users=users)] if users else [],
    }


@asynccontextmanager
async def guarded(page: gr.Blocks, guard: Guard, allowed: Allowed, app: FastAPI) -> AsyncIterator[None]:
    """Wraps the application at the start of the server, before it accepts a connection.

    Middleware that is given to Gradio would be inside of Gradio's own, which answers other origins."""
    assert app.middleware_stack
    app.middleware_stack = guard(app.middleware_stack, allowed, lambda: page.share_url)
    yield


class LogoutRemovedUsers:
    """Logs out a user at the first request after the account was removed. Gradio itself keeps the login."""

    def __init__(self, app: ASGIApp, page: gr.Blocks, users: Users):
        self._app, self._page, self._users = app, page, users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tokens = self._page.app.tokens
        for token, name in list(tokens.items()):
            if not self._users.is_known(name):
                del tokens[token]
        await self._app(scope, receive, send)


def is_logged_in(page: gr.Blocks, users: Users | None, connection: HTTPConnection) -> bool:
    """True if the connection has the cookie of Gradio's login, or if the page has no login."""
    return page.auth is None or logged_in_user(page, users, connection) is not None


def logged_in_user(page: gr.Blocks, users: Users | None, connection: HTTPConnection) -> str | None:
    """Returns the name of the user who is logged in; None without one, or if the page has no login."""
    if page.auth is None:
        return None
    cookies = (f"access-token-{page.app.cookie_id}", f"access-token-unsecure-{page.app.cookie_id}")
    names = [page.app.tokens.get(connection.cookies.get(cookie)) for cookie in cookies]
    return next((name for name in names if name is not None and (users is None or users.is_known(name))), None)


def require_local_address(host: str) -> None:
    """Raises OptionError if this machine cannot listen on the address."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        raise OptionError(f"'{host}' is not an address of this machine; give --host 127.0.0.1, or 0.0.0.0") from error
