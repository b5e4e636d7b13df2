"""TensorBoard behind the page's own address: started on demand, terminated when idle and with the server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qal.api.studio.tensorboard_proxy import PREFIX, STARTING_PAGE, TensorBoard, tensorboard_command, tensorboard_routes
from qal.errors import OptionError
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
PAGE_HEADERS = {"accept": "text/html,*/*"}
ECHO_SERVER = """
import sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        body_text = f"{self.command} {self.path} {body.decode()} cookie={self.headers.get('cookie')}".encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("set-cookie", "evil=1")
        self.send_header("content-length", str(len(body_text)))
        self.end_headers()
        self.wfile.write(body_text)
    do_POST = do_GET
    def log_message(self, *_): pass
server = HTTPServer(("127.0.0.1", 0), Echo)
print("noise\\nserving at http://127.0.0.1:%d/qal/tensorboard/" % server.server_port, file=sys.stderr, flush=True)
server.serve_forever()
"""
WRITE_LOGS = """
import sys
from torch.utils.tensorboard import SummaryWriter
writer = SummaryWriter(sys.argv[1])
writer.add_scalar("loss", 1.5, 1)
writer.close()
"""
PARENT_PROCESS = """
import sys, time
from qal.api.studio.tensorboard_proxy import TensorBoard, tensorboard_command
board = TensorBoard(tensorboard_command(__import__("pathlib").Path(sys.argv[1])))
board.wait_for_address()
print(board._process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def board() -> Iterator[TensorBoard]:
    board = TensorBoard([sys.executable, "-c", ECHO_SERVER])
    yield board
    board.close()


def client(board: TensorBoard, logged_in: bool = True) -> TestClient:
    return TestClient(Starlette(routes=tensorboard_routes(board, lambda _: logged_in)), base_url="http://here")


def test_no_process_runs_before_the_first_request(board):
    client(board)
    assert not board.is_running


def test_requests_are_forwarded_without_cookies(board):
    with client(board) as page:
        page.cookies.set("access-token", "secret")
        response = page.get(f"{PREFIX}/data/a%20b?x=1&y=%2F")
        assert response.text == f"GET {PREFIX}/data/a%20b?x=1&y=%2F  cookie=None"  # the login cookie is not forwarded
        assert "set-cookie" not in response.headers
        assert page.post(f"{PREFIX}/data", content="tag=loss").text.startswith(f"POST {PREFIX}/data tag=loss")
        assert page.post(f"{PREFIX}/data", content="x" * 2_000_000).status_code == 413


def test_page_shows_starting_at_once_and_then_tensorboard(board):
    with client(board) as page:
        first = page.get(f"{PREFIX}/", headers=PAGE_HEADERS)
        assert first.text == STARTING_PAGE
        wait_until(lambda: page.get(f"{PREFIX}/", headers=PAGE_HEADERS).text.startswith("GET"))


def test_redirect_to_the_slash_is_relative(board):
    response = client(board).get(PREFIX, follow_redirects=False)
    assert response.headers["location"] == "tensorboard/"


@pytest.mark.parametrize(("logged_in", "origin"), [(False, "http://here"), (True, "https://evil.example")])
def test_logged_out_users_and_other_origins_start_no_process(board, logged_in, origin):
    response = client(board, logged_in).get(f"{PREFIX}/", headers={"origin": origin})
    assert response.status_code == 403
    assert not board.is_running


def test_failed_start_is_reported_once_and_can_be_retried():
    board = TensorBoard([sys.executable, "-c", "raise SystemExit('No module named tensorboard')"])
    with pytest.raises(OptionError, match="No module named tensorboard"):
        board.wait_for_address()
    with client(board) as page:
        responses = []

        def failed() -> bool:
            responses.append(page.get(f"{PREFIX}/", headers=PAGE_HEADERS))
            return responses[-1].status_code == 503

        wait_until(failed)
        assert "did not start" in responses[-1].text
        assert page.get(f"{PREFIX}/", headers=PAGE_HEADERS).text == STARTING_PAGE


def test_idle_process_is_terminated_and_started_again():
    board = TensorBoard([sys.executable, "-c", ECHO_SERVER], idle_timeout_s=0.5)
    first = board.wait_for_address()
    wait_until(lambda: not board.is_running)
    with client(board) as page:
        assert page.get(f"{PREFIX}/again").text.startswith("GET")
    assert board.wait_for_address() != first
    board.close()
    assert not board.is_running


def test_killed_process_is_started_again(board):
    board.wait_for_address()
    board._process.kill()
    board._process.wait()
    with client(board) as page:
        assert page.get(f"{PREFIX}/").text.startswith("GET")


def test_real_tensorboard_shows_a_run_and_ends_with_a_killed_parent(tmp_path):
    folder = tmp_path / "runs" / "mine" / "tensorboard"
    subprocess.run([sys.executable, "-c", WRITE_LOGS, str(folder)], check=True)
    board = TensorBoard(tensorboard_command(tmp_path / "runs"))
    with client(board) as page:
        wait_until(lambda: "mine/tensorboard" in page.get(f"{PREFIX}/data/runs").text)
        index = page.get(f"{PREFIX}/").text
        assert "Qal" in page.get(f"{PREFIX}/data/environment").text
        assert 'href="/' not in index
        assert 'src="/' not in index
    board.close()

    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT_PROCESS, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_alive(pid))


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_page_process_does_not_import_tensorboard():
    code = "import sys, qal.api.studio.tensorboard_proxy, ui_components.train.run.tensorboard; "
    code += "sys.exit('tensorboard' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ)).returncode == 0
