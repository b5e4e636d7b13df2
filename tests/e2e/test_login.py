import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.e2e.live_page import answer_of_socket


def test_with_auth_the_page_asks_to_log_in_and_the_server_refuses_strangers(serve, browse, base_directory):
    address = serve("app_streaming.py", "--auth", "anna:secret:word")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address.rstrip('/')}/config")
    assert refused.value.code == 401

    page = browse(address)
    page.get_by_label("username").fill("anna")
    page.get_by_label("password").fill("secret:word")
    expect(page.locator(".qal-live")).to_have_count(0)
    assert answer_of_socket(page) == "closed 4403"
    page.get_by_role("button", name="Login").click()
    expect(page.locator(".qal-live .qal-captions").first).to_be_visible()
    assert answer_of_socket(page) == "ready"
