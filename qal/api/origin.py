"""Which addresses are the server's own: the names that a request may give in Host, and the origin of its page."""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

DEFAULT_PORTS = {"http": ":80", "https": ":443"}
HOST_PATTERN = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:\d{1,5})?")
LOCAL_NAME = "localhost"

ShareAddress = Callable[[], str | None]  # the address of the share link; None while there is none


class HostNames:
    """The names under which browsers may address the server. A page of another name is answered with an error.

    A site can let its own name point to this machine's address (DNS rebinding). The browser then sends that name as
    Host, and such a request differs from the page's own only in that name.

    Args:
        bound: the name or address on which the server listens.
        public: further names, such as those of a proxy; `*` accepts every name.
        share_address: returns the address of the share link."""

    def __init__(self, bound: str, public: Sequence[str] = (), share_address: ShareAddress = lambda: None):
        self._accepts_all = "*" in public
        self._is_local = is_loopback(bound)
        self._names = {LOCAL_NAME, bound.lower().strip("[]"), *(name.lower().rstrip(".") for name in public)}
        if not self._is_local:  # other machines use the names of this one
            own = {socket.gethostname().lower(), socket.getfqdn().lower()}
            self._names |= own | {f"{name}.local" for name in own if "." not in name}
        self._share_address = share_address

    def accept(self, headers: Headers) -> bool:
        """True if Host, and X-Forwarded-Host if there is one, name this server. Every request has exactly one Host."""
        if len(headers.getlist("host")) != 1:
            return False
        given = [headers["host"]]
        if headers.get("x-forwarded-host"):  # the page builds its links with it
            given.append(first_value(headers["x-forwarded-host"]))
        return all(self._is_own(host_name(host)) for host in given)

    def _is_own(self, name: str | None) -> bool:
        if name is None:
            return False
        if self._accepts_all or name in self._names or name == self._share_name():
            return True
        return is_loopback(name) if self._is_local else is_address(name)  # no site can rebind an address

    def _share_name(self) -> str | None:
        return urlsplit(self._share_address() or "").hostname


def host_name(host: str) -> str | None:
    """Returns the name in a Host header in lower case, without port, brackets and final dot; None if malformed."""
    match = HOST_PATTERN.fullmatch(host.strip().lower())
    return match[1].strip("[]").removesuffix(".") or None if match else None


def is_address(name: str) -> bool:
    """True for IPv4 and IPv6 addresses."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """True for localhost and the addresses that only this machine reaches."""
    name = name.lower().strip("[]")
    return name == LOCAL_NAME or (is_address(name) and ipaddress.ip_address(name).is_loopback)


def is_same_origin(connection: HTTPConnection) -> bool:
    """False if a browser sent the request from a page of another site; programs send no origin and are accepted.

    Browsers omit the default port of a scheme in the origin; proxies may not."""
    origins = connection.headers.getlist("origin")
    if not origins:
        return True
    scheme, host = split_origin(origins[0])
    headers = [connection.headers.get(name, "") for name in ("host", "x-forwarded-host")]
    own_hosts = {first_value(header).removesuffix(DEFAULT_PORTS.get(scheme, "")) for header in headers}
    was_encrypted = first_value(connection.headers.get("x-forwarded-proto", "")) == "https"
    return len(origins) == 1 and bool(host) and host in own_hosts and not (was_encrypted and scheme == "http")


def split_origin(origin: str) -> tuple[str, str]:
    """Returns the scheme and the host with its port, in lower case; ("", "") if the origin is malformed."""
    try:
        scheme, host, *rest = urlsplit(origin.strip().lower())
    except ValueError:
        return "", ""
    return (scheme, host) if scheme in DEFAULT_PORTS and not any(rest) else ("", "")


def first_value(header: str) -> str:
    """Returns the first of comma-separated values, in lower case: the browser's, before those of further proxies."""
    return header.split(",")[0].strip().lower()
