"""MetricsReader gives the rows of Run.metrics(), whatever happens to the file, and reads each byte once."""

import json
import random
import threading
from pathlib import Path

import pytest

from qal.jobs import metrics
from qal.jobs.metrics import MetricsCache, MetricsReader, train_seconds
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run
from tests.run_folders import scripted_run, step_row


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(TrainingConfig(), tmp_path / "runs", "r")


def append_step(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    run.append_metrics(step_row(state["step"], state["attempt"]))
    state["step"] += rng.choice([1, 1, 1, 2])


def resume(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    state["attempt"] += 1
    state["step"] = max(0, state["step"] - rng.randrange(6))


def write_torn_row(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    line = json.dumps({**step_row(state["step"], state["attempt"]), "time": 1.0, "text": "ቃል"}).encode()
    with run.metrics_file.open("ab") as file:
        file.write(line[: rng.randrange(1, len(line) + 1)])  # sometimes complete, but without a newline


def write_invalid_row(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    with run.metrics_file.open("ab") as file:
        file.write(rng.choice([b"{}\n", b"\n", b"\xff\xfe\n", b'{"step": 1}\r', b"null\n", b"[1, 2]\n"]))


def append_older_attempt(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    run.append_metrics(step_row(rng.randrange(40), rng.randrange(state["attempt"] + 1)))


def truncate(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    if run.metrics_file.exists():
        content = run.metrics_file.read_bytes()
        run.metrics_file.write_bytes(content[: rng.randrange(len(content) + 1)])


def replace_file(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    new_file = run.folder / "new"
    rows = [json.dumps({**step_row(s), "time": rng.random()}) for s in range(rng.randrange(60))]
    new_file.write_text("\n".join(rows) + rng.choice(["", "\n"]))
    new_file.replace(run.metrics_file)


def remove_file(run: Run, rng: random.Random, state: dict[str, int]) -> None:
    run.metrics_file.unlink(missing_ok=True)


USUAL_EVENTS = [append_step] * 12 + [resume, write_torn_row]
ALL_EVENTS = [*USUAL_EVENTS, write_invalid_row, append_older_attempt, truncate, replace_file, remove_file]


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("events", [USUAL_EVENTS, ALL_EVENTS], ids=["usual", "all"])
def test_metrics_reader_gives_the_rows_of_the_run_after_resume_torn_rows_and_replaced_files(run, seed, events):
    rng, state, reader = random.Random(seed), {"step": 0, "attempt": 1}, MetricsReader(run.metrics_file)
    for _ in range(150):
        rng.choice(events)(run, rng, state)
        if rng.random() < 0.6:
            stamp, rows = reader.read()
            assert rows == run.metrics()
            assert reader.read() == (stamp, rows)
    assert reader.read().rows == run.metrics()


def test_metrics_reader_parses_each_line_once(run, monkeypatch):
    parsed: list[bytes] = []
    parse = metrics.parse_row
    monkeypatch.setattr(metrics, "parse_row", lambda line: parsed.append(line) or parse(line))
    reader = MetricsReader(run.metrics_file)
    for step in range(200):
        run.append_metrics(step_row(step))
        reader.read()
        reader.read()
    assert len(parsed) == 200


def test_stamp_changes_with_the_metrics_rows_only(run):
    reader = MetricsReader(run.metrics_file)
    run.append_metrics(step_row(1))
    first_stamp = reader.read().stamp
    assert reader.read().stamp == first_stamp
    run.append_metrics(step_row(2))
    assert reader.read().stamp != first_stamp


def test_returned_metrics_rows_do_not_grow_when_rows_are_appended(run):
    reader = MetricsReader(run.metrics_file)
    run.append_metrics(step_row(1))
    rows = reader.read().rows
    run.append_metrics(step_row(2))
    reader.read()
    assert len(rows) == 1


def test_many_threads_read_metrics_while_the_job_writes(run):
    cache, wrong = MetricsCache(), []

    def read_until_complete() -> None:
        n_read = 0
        while n_read < 300:
            steps = [row["step"] for row in cache.read(run.metrics_file).rows]
            if steps != list(range(len(steps))) or len(steps) < n_read:
                wrong.append(steps)
                return
            n_read = len(steps)

    threads = [threading.Thread(target=read_until_complete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for step in range(300):
        run.append_metrics(step_row(step))
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)


def test_metrics_cache_is_bounded_and_reads_removed_files_again(tmp_path):
    runs = [scripted_run(tmp_path / "runs", f"r{i}", "finished", step=40) for i in range(5)]
    cache = MetricsCache(max_rows=100)
    for run in [*runs, *runs]:
        assert cache.read(run.metrics_file).rows == run.metrics()
        assert sum(cache._row_counts.values()) <= 100


def test_train_seconds_leave_out_pauses_between_attempts():
    times = [(1, 10.0), (1, 12.5), (2, 1000.0), (2, 1001.0)]
    assert train_seconds([{"attempt": attempt, "time": time} for attempt, time in times]) == 3.5
    assert train_seconds([]) == 0
