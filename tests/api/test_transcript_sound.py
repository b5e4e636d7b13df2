"""The sound of a transcribed file: in parts, for its owner only."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.testclient import TestClient

from qal.api.studio.transcript_sound import PATH, transcript_sound_route
from qal.errors import OptionError


def client(path: Path, logged_in: bool = True) -> TestClient:
    def find(key: str, user: str | None) -> Path:
        if (key, user) != ("k", "anna"):
            raise OptionError("this transcript is no longer listed; reload the page")
        return path

    route = transcript_sound_route(find, lambda _: logged_in, lambda connection: connection.headers.get("x-user"))
    return TestClient(Starlette(routes=[route]), base_url="http://here")


def test_sound_is_sent_in_parts_to_its_owner_and_never_as_a_page(tmp_path):
    sound = tmp_path / "sound.wav"
    sound.write_bytes(bytes(range(200)))
    anna = {"x-user": "anna"}
    part = client(sound).get(PATH, params={"key": "k"}, headers={**anna, "Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["content-type"].startswith("audio/")
    assert client(sound).get(PATH, params={"key": "k"}).status_code == 404
    assert client(sound).get(PATH, params={"key": "../x"}, headers=anna).status_code == 404
    assert client(sound, logged_in=False).get(PATH, params={"key": "k"}, headers=anna).status_code == 403
    page = tmp_path / "page.html"
    page.write_text("<script>")
    assert (
        client(page).get(PATH, params={"key": "k"}, headers=anna).headers["content-type"] == "application/octet-stream"
    )
