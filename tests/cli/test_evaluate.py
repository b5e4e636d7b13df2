"""qal evaluate: figures with what they rest on, comparisons, suites with their exit code, and interruptions."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qal.cli.main import main
from qal.corpus.manifest import Corpus, write_corpus
from qal.subcommand import qal_environment
from tests.evaluation.evaluated import speech_corpus

ZH = "今天下午三点我们在图书馆见面讨论新的计划"


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch) -> Corpus:
    """The corpus `data/mine` of the working folder, of 40 examples."""
    monkeypatch.chdir(tmp_path)
    return speech_corpus(Path("data/mine"), 40)


def write_transcripts(name: str, corpus: Corpus, wrong_every: int = 0) -> None:
    lines = [
        f"{row.audio},{row.text.replace('say', 'hey') if wrong_every and i % wrong_every == 0 else row.text}"
        for i, row in enumerate(corpus.rows)
    ]
    Path(name).write_text("\n".join(["file,text", *lines]))


def json_line(capsys) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def failure(arguments: str, capsys) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments.split())
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_figures_stand_beside_what_they_rest_on(corpus: Corpus, capsys):
    write_transcripts("other.csv", corpus, wrong_every=2)
    main(["evaluate", "other.csv", "data/mine", "--by", "speaker", "duration"])
    text = capsys.readouterr().out
    assert "other.csv on mine · test set · 40 utterances, 200 words · normaliser basic-2 · 20 s" in text
    assert "WER 10.0 % (" in text
    assert "20 words substituted, 0 deleted, 0 inserted" in text
    assert "speaker 0" in text
    assert "below 2 s" in text
    assert "stored in evaluations/other.csv-mine-test-" in text


def test_json_holds_all_figures_with_the_keys_that_programs_read(corpus: Corpus, capsys):
    write_transcripts("other.csv", corpus, wrong_every=2)
    write_transcripts("right.csv", corpus)
    main(["evaluate", "other.csv", "data/mine", "--against", "right.csv", "--by", "speaker", "--json"])
    found = json_line(capsys)
    assert (found["model"], found["corpus"], found["split"]) == ("other.csv", "data/mine", "test")
    assert (found["utterances"], found["words"], found["seconds"], found["left_out"]) == (40, 200, 20.0, {})
    assert (found["measure"], found["normaliser"]) == ("WER", "basic-2")
    assert found["score"]["wer"] == found["score"]["mer"] == found["paired"]["difference"] == 0.1
    assert found["score"]["wer_low"] < 0.1 < found["score"]["wer_high"]
    assert (found["score"]["substitutions"], found["score"]["rtf"]) == (20, None)
    assert found["paired"]["p"] < 0.05
    assert (found["against"]["model"], found["against"]["score"]["wer"]) == ("right.csv", 0)
    assert [group["name"] for group in found["by"]["speaker"]] == ["speaker 0", "speaker 1"]
    assert Path(found["evaluation"], "rows.jsonl").is_file()


def test_the_character_error_rate_decides_where_words_are_not_written_apart(corpus: Corpus, capsys):
    rows = [row.model_copy(update={"text": ZH, "language": "zh"}) for row in corpus.rows]
    changed = write_corpus(corpus.folder, corpus.info, rows)
    write_transcripts("right.csv", changed)
    Path("wrong.csv").write_text(Path("right.csv").read_text().replace("划", "画"))
    main(["evaluate", "wrong.csv", "data/mine", "--against", "right.csv"])
    text = capsys.readouterr().out
    assert "CER 5.0 % (5.0 – 5.0), WER 100.0 %" in text
    assert "wrong.csv compared with right.csv: CER +5.0 points" in text


def test_another_normaliser_is_named_and_needs_no_other_transcripts(corpus: Corpus, capsys):
    write_transcripts("right.csv", corpus)
    Path("loud.csv").write_text(Path("right.csv").read_text().replace("say", "SAY"))
    for name, rate in (("none", 0.2), ("whisper-english", 0.0)):
        main(["evaluate", "loud.csv", "data/mine", "--normaliser", name, "--json"])
        found = json_line(capsys)
        assert (found["normaliser"], found["score"]["wer"]) == (f"{name}-1", rate)
    assert len(list(Path("evaluations").iterdir())) == 1


def test_a_table_compares_models_on_datasets_and_marks_significant_differences(corpus: Corpus, capsys):
    for name, wrong in (("good.csv", 20), ("bad.csv", 2)):
        write_transcripts(name, corpus, wrong)
    main(["evaluate", "compare", "good.csv", "bad.csv", "--on", "data/mine"])
    text = capsys.readouterr().out
    assert "good.csv  WER 1.0 %" in text
    assert "baseline" in text
    assert "+9.0 points" in text
    assert "worse" in text
    main(["evaluate", "compare", "good.csv", "bad.csv", "--on", "data/mine", "--baseline", "bad.csv", "--json"])
    found = json_line(capsys)
    assert found["baseline"] == "bad.csv"
    assert [cell["verdict"] for cell in found["cells"]] == ["better", ""]
    assert "needs two models" in failure("evaluate compare good.csv --on data/mine", capsys)


def test_a_history_lists_the_versions_of_a_dataset(corpus: Corpus, capsys):
    write_transcripts("other.csv", corpus, wrong_every=2)
    main(["evaluate", "other.csv", "data/mine"])
    write_corpus(corpus.folder, corpus.info, corpus.rows[:30])
    main(["evaluate", "other.csv", "data/mine"])
    capsys.readouterr()
    main(["evaluate", "history", "other.csv", "--json"])
    history = json_line(capsys)["history"]
    assert [entry["utterances"] for entry in history] == [40, 30]
    assert [entry["change"] and entry["change"]["utterances"] for entry in history] == [None, 30]
    main(["evaluate", "history", "other.csv"])
    assert "since the one before: WER +0.0 points" in capsys.readouterr().out
    assert "no evaluation of 'x' is stored" in failure("evaluate history x", capsys)


def test_a_history_of_a_run_begins_with_its_validations(corpus: Corpus, capsys):
    folder = Path("runs/mine")
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("epochs: 2\n")
    rows = [{"step": 4 * i, "epoch": i, "attempt": 1, "time": 1.0, "wer": 0.5 / i, "cer": 0.2 / i} for i in (1, 2)]
    (folder / "metrics.jsonl").write_text("\n".join(json.dumps({**row, "measure": "WER"}) for row in rows))
    for name in ("mine", "runs/mine"):
        main(["evaluate", "history", name])
        lines = capsys.readouterr().out.splitlines()
        assert lines[1:] == ["  epoch 1, step 4: WER 50.0 %, CER 20.0 %", "  epoch 2, step 8: WER 25.0 %, CER 10.0 %"]


def test_a_suite_ends_with_exit_code_1_where_a_model_is_worse(corpus: Corpus, capsys):
    write_transcripts("good.csv", corpus)
    write_transcripts("bad.csv", corpus, wrong_every=2)
    Path("suite.yaml").write_text("baseline: good.csv\nmodels: [bad.csv]\ncorpora:\n  - corpus: data/mine\n")
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "suite", "suite.yaml"])
    assert caught.value.code == 1
    assert "FAILED  worse than good.csv: WER +10.0 points" in capsys.readouterr().out
    main(["evaluate", "suite", "suite.yaml", "--models", "good.csv", "--json"])
    assert json_line(capsys)["passed"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("evaluate nothing data/mine", "there is no model 'nothing'"),
        ("evaluate base data/none", "not a dataset"),
        ("evaluate right.csv data/mine --split train", "choose another split"),
        ("evaluate right.csv data/mine --normaliser x", "there is no normaliser 'x'"),
        ("evaluate right.csv data/mine --by tone", "there are no groups 'tone'"),
        ("evaluate right.csv data/mine --max 0", "max"),
        ("evaluate http://host/v1 data/mine", "lacks a host or a model"),
        ("evaluate right.csv", "corpus"),
        ("evaluate suite none.yaml", "no such file"),
    ],
)
def test_a_command_that_cannot_be_run_is_one_sentence_and_exit_code_2(corpus, capsys, arguments: str, message: str):
    write_transcripts("right.csv", corpus)
    assert message in failure(arguments, capsys)


def test_help_lists_the_commands_and_the_options(capsys):
    main(["evaluate", "--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in ("compare", "history", "suite", "score"))
    with pytest.raises(SystemExit):
        main(["evaluate", "score", "--help"])
    assert "--normaliser" in capsys.readouterr().out


def test_an_interruption_keeps_what_is_done_and_prints_how_to_continue(tmp_path: Path, corpus: Corpus):
    """A server that does not answer holds the evaluation at its second example."""
    code = """
import threading, json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    count = 0
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        Handler.count += 1
        if Handler.count > 1:
            threading.Event().wait()
        self.send_response(200); self.end_headers(); self.wfile.write(b'{"text": "say"}')
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
from qal.cli.main import main
main(["evaluate", f"http://127.0.0.1:{server.server_port}/v1#m", "data/mine"])
"""
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=tmp_path, env=qal_environment(), text=True)
    deadline = time.monotonic() + 60
    while not [path for path in tmp_path.glob("evaluations/*/rows.jsonl") if path.stat().st_size]:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)  # as Ctrl-C, which a shell in the background switches off
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped: 1 of 40 examples are kept. The same command continues." in errors
    (folder,) = (tmp_path / "evaluations").iterdir()
    assert json.loads((folder / "evaluation.json").read_text())["state"] == "stopped"
    assert len((folder / "rows.jsonl").read_text().splitlines()) == 1


def test_deleted_evaluation_is_gone_and_an_unknown_id_is_an_error(corpus: Corpus, capsys):
    write_transcripts("other.csv", corpus)
    main(["evaluate", "other.csv", "data/mine", "--json"])
    folder = Path(json_line(capsys)["evaluation"])
    main(["evaluate", "delete", folder.name, "--json"])
    assert json_line(capsys) == {"deleted": [folder.name]}
    assert not folder.exists()
    assert "there is no evaluation" in failure(f"evaluate delete {folder.name}", capsys)


def test_new_evaluation_belongs_to_the_given_user_also_after_it_was_continued(corpus: Corpus, capsys):
    write_transcripts("other.csv", corpus)
    main(["evaluate", "other.csv", "data/mine", "--json", "--user", "abeba"])
    file = Path(json_line(capsys)["evaluation"]) / "evaluation.json"
    assert json.loads(file.read_text())["user"] == "abeba"
    file.write_text(file.read_text().replace('"finished"', '"stopped"'))
    main(["evaluate", "other.csv", "data/mine", "--json", "--user", "bekele"])
    assert (json.loads(file.read_text())["user"], json.loads(file.read_text())["state"]) == ("abeba", "finished")


def test_dataset_of_an_evaluation_is_found_from_any_working_folder(corpus: Corpus, capsys):
    write_transcripts("other.csv", corpus)
    main(["evaluate", "other.csv", "data/mine", "--json"])
    settings = json.loads((Path(json_line(capsys)["evaluation"]) / "evaluation.json").read_text())
    assert settings["corpus_path"] == str(Path("data/mine").resolve())
