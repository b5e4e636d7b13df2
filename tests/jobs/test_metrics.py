"""The follower gives what Run.metrics() gives, whatever happens to the file, and reads each byte once."""

import json
import random
import threading
from pathlib import Path

import pytest

from qal.jobs import metrics
from qal.jobs.metrics import Followers, MetricsFollower, train_seconds
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run
from tests.run_folders import scripted_run, step_row


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(TrainingConfig(), tmp_path / "runs", "r")


def append(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    run.append_metrics(step_row(state["step"], state["attempt"]))
    state["step"] += rng.choice([1, 1, 1, 2])


def resume(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    state["attempt"] += 1
    state["step"] = max(0, state["step"] - rng.randrange(6))


def tear(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    line = json.dumps({**step_row(state["step"], state["attempt"]), "time": 1.0, "text": "ቃል"}).encode()
    with run.metrics_file.open("ab") as file:
        file.write(line[: rng.randrange(1, len(line) + 1)])  # at times whole, but for its end


def spoil(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    with run.metrics_file.open("ab") as file:
        file.write(rng.choice([b"{}\n", b"\n", b"\xff\xfe\n", b'{"step": 1}\r', b"null\n", b"[1, 2]\n"]))


def older_attempt(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    run.append_metrics(step_row(rng.randrange(40), rng.randrange(state["attempt"] + 1)))


def truncate(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    if run.metrics_file.exists():
        content = run.metrics_file.read_bytes()
        run.metrics_file.write_bytes(content[: rng.randrange(len(content) + 1)])


def replace(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    beside = run.folder / "beside"
    rows = [json.dumps({**step_row(s), "time": rng.random()}) for s in range(rng.randrange(60))]
    beside.write_text("\n".join(rows) + rng.choice(["", "\n"]))
    beside.replace(run.metrics_file)


def remove(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    run.metrics_file.unlink(missing_ok=True)


USUAL = [append] * 12 + [resume, tear]
HOSTILE = [*USUAL, spoil, older_attempt, truncate, replace, remove]


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("events", [USUAL, HOSTILE], ids=["usual", "hostile"])
def test_the_follower_gives_what_the_run_gives(run, seed, events):
    rng, state, follower = random.Random(seed), {"step": 0, "attempt": 1}, MetricsFollower(run.metrics_file)
    for _ in range(150):
        rng.choice(events)(run, rng, state)
        if rng.random() < 0.6:
            stamp, rows = follower.read()
            assert rows == run.metrics()
            assert follower.read() == (stamp, rows)
    assert follower.read()[1] == run.metrics()


def test_each_line_is_read_once(run, monkeypatch):
    parsed: list[bytes] = []
    read = metrics.parsed_row
    monkeypatch.setattr(metrics, "parsed_row", lambda line: parsed.append(line) or read(line))
    follower = MetricsFollower(run.metrics_file)
    for step in range(200):
        run.append_metrics(step_row(step))
        follower.read()
        follower.read()
    assert len(parsed) == 200


def test_a_stamp_is_the_same_as_long_as_the_rows_are(run):
    follower = MetricsFollower(run.metrics_file)
    run.append_metrics(step_row(1))
    first, _ = follower.read()
    assert follower.read()[0] == first
    run.append_metrics(step_row(2))
    assert follower.read()[0] != first


def test_rows_that_were_given_do_not_grow(run):
    follower = MetricsFollower(run.metrics_file)
    run.append_metrics(step_row(1))
    _, rows = follower.read()
    run.append_metrics(step_row(2))
    follower.read()
    assert len(rows) == 1


def test_many_pages_read_while_the_job_writes(run):
    followers, wrong = Followers(), []

    def look() -> None:
        seen = 0
        while seen < 300:
            steps = [row["step"] for row in followers.read(run.metrics_file)[1]]
            if steps != list(range(len(steps))) or len(steps) < seen:
                wrong.append(steps)
                return
            seen = len(steps)

    pages = [threading.Thread(target=look) for _ in range(4)]
    for page in pages:
        page.start()
    for step in range(300):
        run.append_metrics(step_row(step))
    for page in pages:
        page.join(60)
    assert not wrong
    assert not any(page.is_alive() for page in pages)


def test_what_is_kept_is_bounded_and_what_was_let_go_comes_back(tmp_path):
    runs = [scripted_run(tmp_path / "runs", f"r{i}", "finished", step=40) for i in range(5)]
    followers = Followers(max_rows=100)
    for run in [*runs, *runs]:
        assert followers.read(run.metrics_file)[1] == run.metrics()
        assert sum(followers._sizes.values()) <= 100


def test_pauses_are_no_training():
    times = [(1, 10.0), (1, 12.5), (2, 1000.0), (2, 1001.0)]
    assert train_seconds([{"attempt": attempt, "time": time} for attempt, time in times]) == 3.5
    assert train_seconds([]) == 0
