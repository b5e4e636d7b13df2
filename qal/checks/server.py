"""Where the page is served and what it can reach."""

import os
import socket
import urllib.error
import urllib.request

from qal.checks.findings import Finding

HUB = "https://huggingface.co"
PATIENCE_S = 4.0


def port_finding(host: str, port: int) -> Finding:
    value = f"{port} on {host}"
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            trial.bind(address)
    except (OSError, UnicodeError, OverflowError):
        return Finding("Server", "port", "warning", f"{value} is not free", "choose another one with --port")
    return Finding("Server", "port", "ok", f"{value} is free")


def network_finding() -> Finding:
    """Asks the hub for nothing but an answer."""
    address = os.environ.get("HF_ENDPOINT") or HUB
    advice = "models that are here already work; to fetch others, connect to the network or set HTTPS_PROXY"
    try:
        request = urllib.request.Request(address, method="HEAD")
        with urllib.request.urlopen(request, timeout=PATIENCE_S):
            return Finding("Network", "model hub", "ok", f"{address} answers")
    except urllib.error.HTTPError:  # an answer all the same
        return Finding("Network", "model hub", "ok", f"{address} answers")
    except (OSError, ValueError):
        return Finding("Network", "model hub", "warning", f"{address} does not answer", advice)
