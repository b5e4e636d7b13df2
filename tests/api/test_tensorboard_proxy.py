"""TensorBoard behind the page's own address: begun when asked for, ended with the server and when nobody asks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qal.api.tensorboard_proxy import PREFIX, STARTING, TensorBoard, command_of, tensorboard_routes
from qal.errors import OptionError
from tests.waiting import until

ROOT = Path(__file__).parents[2]
PAGE = {"accept": "text/html,*/*"}
ECHO = """
import sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        said = f"{self.command} {self.path} {body.decode()} cookie={self.headers.get('cookie')}".encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("set-cookie", "evil=1")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
    do_POST = do_GET
    def log_message(self, *_): pass
server = HTTPServer(("127.0.0.1", 0), Echo)
print("noise\\nserving at http://127.0.0.1:%d/qal/tensorboard/" % server.server_port, file=sys.stderr, flush=True)
server.serve_forever()
"""
WRITE = """
import sys
from torch.utils.tensorboard import SummaryWriter
writer = SummaryWriter(sys.argv[1])
writer.add_scalar("loss", 1.5, 1)
writer.close()
"""
SERVER = """
import sys, time
from qal.api.tensorboard_proxy import TensorBoard, command_of
board = TensorBoard(command_of(__import__("pathlib").Path(sys.argv[1])))
board.address()
print(board._process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def board() -> Iterator[TensorBoard]:
    made = TensorBoard([sys.executable, "-c", ECHO])
    yield made
    made.close()


def client(board: TensorBoard, logged_in: bool = True) -> TestClient:
    return TestClient(Starlette(routes=tensorboard_routes(board, lambda _: logged_in)), base_url="http://here")


def test_nothing_runs_before_somebody_asks(board):
    client(board)
    assert not board.is_running


def test_questions_are_passed_on_as_they_are(board):
    with client(board) as page:
        page.cookies.set("access-token", "secret")
        got = page.get(f"{PREFIX}/data/a%20b?x=1&y=%2F")
        assert got.text == f"GET {PREFIX}/data/a%20b?x=1&y=%2F  cookie=None"  # our login is not TensorBoard's to know
        assert "set-cookie" not in got.headers
        assert page.post(f"{PREFIX}/data", content="tag=loss").text.startswith(f"POST {PREFIX}/data tag=loss")
        assert page.post(f"{PREFIX}/data", content="x" * 2_000_000).status_code == 413


def test_a_page_is_told_at_once_that_it_starts_and_then_sees_it(board):
    with client(board) as page:
        first = page.get(f"{PREFIX}/", headers=PAGE)
        assert first.text == STARTING
        until(lambda: page.get(f"{PREFIX}/", headers=PAGE).text.startswith("GET"))


def test_without_the_slash_the_way_is_relative_so_that_it_holds_behind_a_proxy(board):
    answer = client(board).get(PREFIX, follow_redirects=False)
    assert answer.headers["location"] == "tensorboard/"


@pytest.mark.parametrize(("logged_in", "origin"), [(False, "http://here"), (True, "https://evil.example")])
def test_strangers_and_other_sites_start_nothing(board, logged_in, origin):
    answer = client(board, logged_in).get(f"{PREFIX}/", headers={"origin": origin})
    assert answer.status_code == 403
    assert not board.is_running


def test_one_that_does_not_start_says_why_once_and_may_try_again():
    board = TensorBoard([sys.executable, "-c", "raise SystemExit('No module named tensorboard')"])
    with pytest.raises(OptionError, match="No module named tensorboard"):
        board.address()
    with client(board) as page:
        told = []

        def failed() -> bool:
            told.append(page.get(f"{PREFIX}/", headers=PAGE))
            return told[-1].status_code == 503

        until(failed)
        assert "did not start" in told[-1].text
        assert page.get(f"{PREFIX}/", headers=PAGE).text == STARTING


def test_it_ends_when_nobody_asks_any_more_and_begins_again():
    board = TensorBoard([sys.executable, "-c", ECHO], idle_s=0.5)
    first = board.address()
    until(lambda: not board.is_running)
    with client(board) as page:
        assert page.get(f"{PREFIX}/again").text.startswith("GET")
    assert board.address() != first
    board.close()
    assert not board.is_running


def test_one_that_was_killed_is_started_anew(board):
    board.address()
    board._process.kill()
    board._process.wait()
    with client(board) as page:
        assert page.get(f"{PREFIX}/").text.startswith("GET")


def test_the_real_one_shows_a_runs_charts_and_ends_with_a_server_that_is_killed(tmp_path):
    folder = tmp_path / "runs" / "mine" / "tensorboard"
    subprocess.run([sys.executable, "-c", WRITE, str(folder)], check=True)
    board = TensorBoard(command_of(tmp_path / "runs"))
    with client(board) as page:
        until(lambda: "mine/tensorboard" in page.get(f"{PREFIX}/data/runs").text)
        index = page.get(f"{PREFIX}/").text
        assert "Qal" in page.get(f"{PREFIX}/data/environment").text
        assert 'href="/' not in index
        assert 'src="/' not in index
    board.close()

    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout
    pid = int(server.stdout.readline())
    assert psutil.pid_exists(pid)
    server.kill()
    server.wait()
    until(lambda: not is_alive(pid))


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_pages_process_imports_no_tensorboard():
    code = "import sys, qal.api.tensorboard_proxy, ui_components.train.run.tensorboard; "
    code += "sys.exit('tensorboard' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ)).returncode == 0
