"""The address of an audience link, as another device can open it, and its QR code."""

import functools
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

import segno

from qal.api.origin import DEFAULT_PORTS, is_loopback
from qal.errors import OptionError

FOLDER = "qal/audience/"  # below the address of the speaker's page
ANY_ADDRESSES = ("0.0.0.0", "::", "")
PROBE_ADDRESS = ("192.0.2.1", 9)  # of no machine (RFC 5737); choosing a route to it sends nothing
QR_SCALE, QR_BORDER = 8, 2  # pixels and modules


class LinkAddress(NamedTuple):
    """The address of a link. `is_local` is true if no other device can open it."""

    url: str
    is_local: bool


def link_address(page: str, token: str, bound: str, share_address: str | None) -> LinkAddress:
    """Returns the address of a link.

    The speaker often uses the page at localhost, where a browser gives a microphone without TLS; then the link has the
    address of the share link or, if the server listens for other machines, the one of this machine.

    Args:
        page: the address of the speaker's page.
        token: the token of the link.
        bound: the name or address on which the server listens.
        share_address: the address of Gradio's share link, if there is one.

    Raises:
        OptionError: `page` is not the address of a page."""
    scheme, host, port = split_page(page)
    if not is_loopback(host):
        return LinkAddress(_joined(page, token), False)
    if share_address:
        return LinkAddress(_joined(share_address, token), False)
    address = own_address() if bound in ANY_ADDRESSES else bound.strip("[]")
    if scheme == "http" and address and not is_loopback(address):
        host = f"[{address}]" if ":" in address else address
        return LinkAddress(_joined(f"http://{host}{port}", token), False)
    return LinkAddress(_joined(page, token), True)


def split_page(page: str) -> tuple[str, str, str]:
    """Returns the scheme, the host and the port of a page, the port as ":7860" or "". Raises OptionError."""
    try:
        parts = urlsplit(page)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise OptionError("the address of the page is not valid; reload the page") from error
    if parts.scheme not in DEFAULT_PORTS or not host or parts.username is not None:
        raise OptionError("the address of the page is not valid; reload the page")
    return parts.scheme, host, f":{port}" if port else ""


def own_address() -> str | None:
    """Returns the address of this machine in its network; None if it has no network."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(PROBE_ADDRESS)
            return probe.getsockname()[0]
    except OSError:
        return None


@functools.lru_cache(maxsize=64)
def qr_code(url: str) -> str:
    """Returns the QR code of an address as an SVG image in a data URI, black on white."""
    return segno.make(url, error="m").svg_data_uri(scale=QR_SCALE, border=QR_BORDER, light="#fff")


def _joined(page: str, token: str) -> str:
    folder = page.split("#")[0].split("?")[0]
    return f"{folder.rstrip('/')}/{FOLDER}{token}"
