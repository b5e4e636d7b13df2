import json
import urllib.error
import urllib.request

import httpx
import pytest
from playwright.sync_api import expect
from websockets.sync.client import connect

from qal.api.users import make_account, write_accounts
from tests.e2e.live_page import socket_answer


def test_auth_requires_a_login_for_the_page_the_config_and_the_live_socket(serve, browse, base_directory):
    address = serve("app_streaming.py", "--auth", "anna:secret:word")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address.rstrip('/')}/config")
    assert refused.value.code == 401

    page = browse(address)
    page.get_by_label("username").fill("anna")
    page.get_by_label("password").fill("secret:word")
    expect(page.locator(".qal-live")).to_have_count(0)
    assert socket_answer(page) == "closed 4403"
    page.get_by_role("button", name="Login").click()
    expect(page.locator(".qal-live .qal-captions").first).to_be_visible()
    assert socket_answer(page) == "ready"


def test_removed_user_is_logged_out_at_once(serve, tmp_path):
    accounts = {name: make_account("correct horse", admin=False) for name in ("anna", "bekele")}
    write_accounts(tmp_path / "users.json", accounts)
    address = serve("app.py", "--users", str(tmp_path / "users.json"), "--data", str(tmp_path / "data"))
    pages = {name: httpx.Client(base_url=address) for name in accounts}
    for name, page in pages.items():
        assert page.post("login", data={"username": name, "password": "wrong"}).status_code == 400
        assert page.get("config").status_code == 401
        assert page.post("login", data={"username": name, "password": "correct horse"}).status_code == 200
        assert page.get("config").status_code == 200
    cookies = "; ".join(f"{name}={value}" for name, value in pages["bekele"].cookies.items())
    socket = connect(f"{address.replace('http', 'ws')}qal/live", additional_headers={"Cookie": cookies})
    socket.send(json.dumps({"model": "base-adaptive"}))
    assert json.loads(socket.recv(timeout=60))["type"] == "ready"
    write_accounts(tmp_path / "users.json", {"anna": accounts["anna"]})
    assert "no longer logged in" in json.loads(socket.recv(timeout=60))["message"]  # without a request for a page
    assert [page.get("config").status_code for page in pages.values()] == [200, 401]
