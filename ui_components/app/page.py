"""The two pages, the studio with all tabs and the Live page alone, and the server for them."""

import functools
import os
import re
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, Self

import gradio as gr
from fastapi import FastAPI
from pydantic import BaseModel, Field, field_validator, model_validator
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from qal.errors import OptionError
from ui_components.app.address import TRAIN_TAB, Place, remember_selection, wire_address
from ui_components.app.connections import limit_connections
from ui_components.app.header import header
from ui_components.app.notices import notices
from ui_components.app.running_jobs import running_jobs
from ui_components.app.studio import Studio
from ui_components.app.theme import STYLES, theme
from ui_components.app.uploads import MAX_UPLOAD_BYTES
from ui_components.data.tab import data_tab
from ui_components.live.tab import live_tab
from ui_components.models.tab import models_tab
from ui_components.system.tab import system_tab
from ui_components.train.run.model_actions import wire_use
from ui_components.train.tab import TrainTab, train_tab
from ui_components.transcribe.tab import transcribe_tab

TABS = {
    "Live": live_tab,
    "Data": data_tab,
    "Train": train_tab,
    "Models": models_tab,
    "Transcribe": transcribe_tab,
    "System": system_tab,
}
CACHE_SWEEP_INTERVAL_S, CACHE_MAX_AGE_S = 600, 3600  # of uploaded files

Allowed = Callable[[HTTPConnection], bool]  # True if the connection's user is logged in
UserOf = Callable[[HTTPConnection], str | None]  # the name of the connection's user; None if there is no login
ShareAddress = Callable[[], str | None]  # the address of the share link; None while there is none
Routes = Callable[[Allowed, UserOf, ShareAddress], Sequence[BaseRoute]]
Guard = Callable[[ASGIApp, Allowed, ShareAddress], ASGIApp]  # wraps the server's application
AUTH_VARIABLE = "QAL_AUTH"  # environment variable
HOST_PATTERN = r"\*|[\w.-]+|\[?[0-9a-fA-F:.]+\]?"


class Users(Protocol):
    """The accounts of the page. They may change while the page is served."""

    async def authenticate(self, name: str, password: str) -> bool: ...
    def is_known(self, name: str) -> bool: ...


class ServeOptions(BaseModel, frozen=True):
    """Address, login and storage of a served page."""

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 lets other machines in")
    port: int = Field(7860, ge=1, le=65535, description="port to listen on")
    share: bool = Field(False, description="make a public link through Gradio's tunnel")
    public_host: tuple[str, ...] = Field(
        (), description="further names by which browsers call the server, such as a proxy's; * allows every name"
    )
    auth: str | None = Field(
        None,
        description=f"USER:PASSWORD that the page asks for; better in the environment variable {AUTH_VARIABLE}, "
        "because every account of the machine can list command lines",
    )
    users: Path | None = Field(None, description="file of users who may log in (qal users --help)")
    root_path: str | None = Field(None, description="path under which a proxy shows the page, such as /captions")
    live: Path = Field(Path("live"), description="folder for the captions and saved audio of live sessions")
    live_days: float = Field(7.0, ge=0, description="days after which a live session is deleted")

    @model_validator(mode="before")
    @classmethod
    def _read_environment(cls, values: dict[str, Any]) -> dict[str, Any]:
        given = values.get("auth")
        return {**values, "auth": os.environ.get(AUTH_VARIABLE) if given is None else given}

    @field_validator("public_host")
    @classmethod
    def _check_public_host(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(HOST_PATTERN, name) for name in names):
            raise ValueError("should be names without https:// and port, for example --public-host captions.example")
        return names

    @field_validator("auth")
    @classmethod
    def _check_auth(cls, auth: str | None) -> str | None:
        if auth is not None and not all(auth.partition(":")):
            raise ValueError(f"should be USER:PASSWORD, for example --auth anna:secret or {AUTH_VARIABLE}=anna:secret")
        return auth

    @model_validator(mode="after")
    def _check_one_login(self) -> Self:
        if self.auth is not None and self.users is not None:
            raise ValueError(f"give --auth or --users, not both; {AUTH_VARIABLE} counts as --auth")
        return self

    @field_validator("root_path")
    @classmethod
    def _check_root_path(cls, root_path: str | None) -> str | None:
        if root_path is not None and not re.fullmatch(r"(/[\w.~-]+)+", root_path):
            raise ValueError("should be a path without a slash at its end, for example --root-path /captions")
        return root_path


def studio_page(studio: Studio) -> gr.Blocks:
    """The page with all tabs."""
    with _blocks() as page:
        header()
        running_jobs(studio, page)
        notices(studio, page)
        parts: dict[str, Any] = {}  # of the tabs, for the connections between them
        with gr.Tabs(elem_id="qal-tabs") as all_tabs:
            for name, add_tab in TABS.items():
                with gr.Tab(name, id=name.lower()) as tab:
                    remember_selection(tab, "tab", name.lower())
                    parts[name.lower()] = add_tab(studio, page, [page.load, tab.select])
        train: TrainTab = parts[TRAIN_TAB]
        train.stored_form.render()
        selector, buttons = train.run_tab.selector, train.run_tab.model_buttons
        wire_use(studio, buttons, selector, all_tabs, parts)
        place = Place(train.run, train.tabs, all_tabs)
        wire_address(studio, page, place, [*parts])
    return page


def live_page(studio: Studio) -> gr.Blocks:
    """The page with live captions only."""
    with _blocks() as page:
        header()
        live_tab(studio, page, [page.load])
    return page


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
    allowed = functools.partial(is_logged_in, page, users)
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
            app_kwargs={
                "routes": list(routes(allowed, functools.partial(logged_in_user, page, users), lambda: page.share_url)),
                "lifespan": functools.partial(guarded, page, guard, allowed),
                "openapi_url": None,
                "middleware": [Middleware(LogoutRemovedUsers, page=page, users=users)] if users else [],
            },
        )
    except OSError as error:
        message = f"port {options.port} on {options.host} is not free; choose another one with --port"
        raise OptionError(message) from error
    limit_connections(page)
    print(f"Qal is at {local}", flush=True)
    if options.share:
        failure = "Could not create a share link: no connection to gradio.live."
        print(f"Shared at {shared}" if shared else failure, flush=True)
    page.block_thread()


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


def _blocks() -> gr.Blocks:
    return gr.Blocks(title="Qal", analytics_enabled=False, delete_cache=(CACHE_SWEEP_INTERVAL_S, CACHE_MAX_AGE_S))
