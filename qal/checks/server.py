"""Port of the page and connection to the model hub."""

import os
import socket
import urllib.error
import urllib.request

from qal.checks.findings import Finding

HUB = "https://huggingface.co"
TIMEOUT_S = 4.0


def port_finding(host: str, port: int) -> Finding:
    """Returns whether the page can listen on the port."""
    value = f"{port} on {host}"
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            trial.bind(address)
    except (OSError, UnicodeError, OverflowError):
        return Finding("Server", "port", "warning", f"{value} is not free", "choose another port with --port")
    return Finding("Server", "port", "ok", f"{value} is free")


def network_finding() -> Finding:
    """Returns whether the hub answers a HEAD request; HF_ENDPOINT replaces its address."""
    address = os.environ.get("HF_ENDPOINT") or HUB
    advice = "installed models work without it; to download others, connect to the internet or set HTTPS_PROXY"
    try:
        request = urllib.request.Request(address, method="HEAD")
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            return Finding("Network", "model hub", "ok", f"{address} answers")
    except urllib.error.HTTPError:  # an error status is an answer, too
        return Finding("Network", "model hub", "ok", f"{address} answers")
    except (OSError, ValueError):
        return Finding("Network", "model hub", "warning", f"{address} does not answer", advice)
