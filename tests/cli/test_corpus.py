import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.statistics import corpus_statistics
from tests.waiting import wait_until

TEXTS = {"train": "One, two, three!", "test": "Four"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = []
    for duration_s, (split, text) in enumerate(TEXTS.items(), start=30):
        (tmp_path / f"{split}.wav").touch()
        values = {"audio": f"{split}.wav", "text": text, "language": "en", "speaker": "anna", "split": split}
        rows.append(Row.model_validate({**values, "duration_s": duration_s, "sha256": "0" * 64}))
    write_corpus(tmp_path, Origin(name="tiny"), rows)
    return tmp_path


def corpus_command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "qal", "corpus", *words], capture_output=True, text=True)


def test_statistics_add_up(folder: Path):
    done = corpus_command("stats", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    lines = json.loads(done.stdout.splitlines()[-1])["statistics"]
    assert [(line["split"], line["utterances"], line["words"]) for line in lines] == [
        ("train", 1, 3),
        ("test", 1, 1),
        ("all", 2, 4),
    ]
    assert lines[-1]["minutes"] == pytest.approx(61 / 60, abs=0.01)
    assert (lines[-1]["speakers"], lines[-1]["longest_s"], lines[-1]["beyond_window"]) == (1, 31, 1)


def test_statistics_count_every_split_and_language_once(folder: Path):
    *parts, whole = corpus_statistics(read_corpus(folder))
    assert sum(part.utterances for part in parts) == whole.utterances


@pytest.mark.parametrize(
    "words",
    [("stats", "nowhere"), ("import", "folder", "nowhere", "--language", "en", "--out", "x"), ("import", "asterisk")],
)
def test_user_error_is_exit_code_2_without_traceback(words: tuple[str, ...]):
    done = corpus_command(*words)
    assert done.returncode == 2
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_corpus_command_imports_no_torch(folder: Path):
    script = "import runpy, sys; sys.argv[1:] = ['corpus', 'stats', sys.argv[1]]; "
    script += "runpy.run_module('qal', run_name='__main__');"
    done = subprocess.run(
        [sys.executable, "-c", f"{script} assert 'torch' not in sys.modules", str(folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_stopped_import_leaves_no_dataset_and_is_continued_by_the_same_command(english_corpus: Corpus, tmp_path: Path):
    recordings, out = tmp_path / "recordings", tmp_path / "data" / "mine"
    recordings.mkdir()
    for copy, path in itertools.product(range(15), (english_corpus.folder / "audio").iterdir()):
        (recordings / f"{copy}-{path.name}").symlink_to(path)  # so many that the import cannot end before the signal
    command = [sys.executable, "-m", "qal", "corpus", "import", str(recordings)]
    command += ["--language", "en", "--no-text", "--out", str(out)]
    importing = subprocess.Popen(command)
    wait_until(lambda: any(path.stat().st_size for path in tmp_path.glob("data/.mine-*/journal.jsonl")))
    importing.terminate()
    assert importing.wait(30) == 130
    assert not out.exists()
    for path in sorted(recordings.iterdir())[20:]:
        path.unlink()
    continued = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "continued: " in continued.stdout
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["mine"]
    assert len(read_corpus(out).rows) == sum(path.is_file() for path in recordings.iterdir())
