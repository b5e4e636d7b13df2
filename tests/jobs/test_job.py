"""The whole job on a tiny random model: files, stop, resume, the model directory, wrong input."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import ctranslate2
import faster_whisper
import numpy as np
import pytest

import train_whisper_lightning as script
from qal.corpus.manifest import Corpus, Origin, write_corpus
from qal.corpus.split import SPLITS
from qal.engine.engine import Engine, Utterance
from qal.engine.model_directory import read_card
from qal.errors import OptionError
from qal.export.to_ctranslate2 import to_ctranslate2
from qal.jobs.job import device_lock
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run, list_runs

BACKGROUND = ["--augmentation.background.probability", "1", "--augmentation.background.folder"]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def tiny_model(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return to_ctranslate2(tiny_weights, tmp_path_factory.mktemp("tiny") / "ctranslate2")


def train(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "train_whisper_lightning.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd or ROOT, env={**os.environ, **environment})


def quick(model: Path, corpus: Path, runs: Path, *more: str) -> subprocess.CompletedProcess:
    options = ["--base", str(model), "--corpus", str(corpus), "--runs", str(runs), "--name", "r", "--epochs", "2"]
    return train(*options, "--batch_size", "2", "--precision", "32-true", "--device", "cpu", *more)


def test_a_job_leaves_a_whole_run_folder(tiny_model, tiny_corpus, tmp_path):
    shutil.copytree(tiny_corpus.folder, tiny_corpus.folder.with_name("other"))
    done = quick(tiny_model, tiny_corpus.folder, tmp_path / "runs", "--json")
    assert done.returncode == 0, done.stderr
    run = Run(tmp_path / "runs" / "r")
    assert run.status().state == "finished"
    rows = run.metrics()
    assert [r["step"] for r in rows if r["kind"] == "step"] == [1, 2, 3, 4]
    assert [r["epoch"] for r in rows if r["kind"] == "epoch"] == [0, 1, 2]
    assert all({"wer", "cer", "validation_loss"} <= r.keys() for r in rows if r["kind"] == "epoch")
    assert all({"grad_norm", "memory_mb", "disk_free_mb"} <= r.keys() for r in rows if r["kind"] == "step")
    heard = [json.loads(line) for line in run.samples_file.read_text().splitlines()]
    assert [row["epoch"] for row in heard] == [0, 1, 2]
    assert [s["text"] for s in heard[0]["samples"]] == [s["text"] for s in heard[2]["samples"]]
    assert all(Path(s["audio"]).is_file() for s in heard[0]["samples"])
    report = json.loads(done.stdout.splitlines()[-1])
    assert report == run.report()
    scores = ("stock_30s", "tuned_30s", "tuned_adaptive")
    assert all(report[s].keys() == {"wer", "wer_low", "wer_high", "cer", "rtf"} for s in scores)
    assert report["paired"].keys() == {"difference", "low", "high", "p"}
    assert len(report["retention"]["corpora"]) == 1
    assert (run.folder / "tensorboard").is_dir()
    assert (run.folder / "environment.jsonl").is_file()
    assert "licence CC0" in (run.model / "README.md").read_text()
    card = read_card(run.model)
    assert card.context.adaptive
    assert card.run == "r"
    assert card.measured is not None
    assert json.loads((run.folder / "conversion_check.json").read_text())["utterances"] == 8
    assert not list(run.folder.glob("*.new"))
    heard = Engine(run.model).transcribe([Utterance(np.zeros(16_000, np.float32), "en")])[0]
    assert heard.context_frames < 3000
    plain = faster_whisper.WhisperModel(str(run.model), device="cpu")
    assert list(plain.transcribe(np.zeros(16_000, np.float32), language="en", no_speech_threshold=None)[0])


def test_all_weights_train_convert_and_stay_in_transformers_form(tiny_model, tiny_corpus, tmp_path):
    options = ["--trained.adapter", "none", "--result.keep", "best", "--validation_utterances", "2"]
    done = quick(tiny_model, tiny_corpus.folder, tmp_path / "runs", *options, "--check_utterances", "2")
    assert done.returncode == 0, done.stderr
    run = Run(tmp_path / "runs" / "r")
    assert [p.name for p in (run.checkpoints / "adapter").iterdir()] == ["trained.safetensors"]
    assert (run.transformers / "model.safetensors").exists()
    assert (run.model / "model.bin").exists()
    assert (run.folder / "conversion_check.json").exists()
    assert not (run.folder / "merged").exists()


def test_the_rate_finder_prints_its_suggestion_and_trains_nothing(tiny_model, tiny_corpus, tmp_path):
    done = quick(tiny_model, tiny_corpus.folder, tmp_path / "runs", "--find_learning_rate", "true")
    assert done.returncode == 0, done.stderr
    run = Run(tmp_path / "runs" / "r")
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["suggestion"] == json.loads((run.folder / "learning_rate.json").read_text())["suggestion"]
    assert run.status().state == "finished"
    assert not run.checkpoints.exists()


def test_a_stop_is_heard_in_every_stage(tiny_corpus, tmp_path, monkeypatch):
    run = create_run(TrainingConfig(corpus=str(tiny_corpus.folder)), tmp_path, "r")

    def report(run, config, *_) -> None:
        run.request_stop()
        script.progress(run, "report")(1, 2)

    monkeypatch.setattr(script, "job_stages", report)
    assert script.run_job(run, TrainingConfig()) is None
    assert run.status().state == "interrupted"
    assert "resume" in (run.status().reason or "")


def test_a_stopped_run_goes_on_to_the_same_weights(tiny_model, tiny_corpus, tmp_path):
    """Stopped in mid-epoch and resumed, with all that is drawn: the losses equal those of the unbroken run."""
    drawn = ["--augmentation.preset", "strong", "--targets.timestamp_share", "0.5", "--targets.previous_share", "0.5"]
    drawn += ["--corpus_weights", json.dumps({str(tiny_corpus.folder): 1.5})]
    drawn += ["--curriculum.by", "snr", "--curriculum.epochs", "2"]
    assert quick(tiny_model, tiny_corpus.folder, tmp_path / "whole", *drawn).returncode == 0
    code = (
        "import sys, qal.training.loop.callbacks as c\n"
        "appended = c.RunRecorder._append\n"
        "def append(self, trainer, kind, **f):\n"
        "    appended(self, trainer, kind, **f)\n"
        "    if kind == 'step' and trainer.global_step == 4: self.run.request_stop()\n"
        "c.RunRecorder._append = append\n"
        "import train_whisper_lightning as t\n"
        "t.main(sys.argv[1:])\n"
    )
    arguments = ["--base", str(tiny_model), "--corpus", str(tiny_corpus.folder), "--runs", str(tmp_path / "cut")]
    arguments += ["--name", "r", "--epochs", "2", "--batch_size", "2", "--precision", "32-true", "--device", "cpu"]
    stopped = subprocess.run([sys.executable, "-c", code, *arguments, *drawn], cwd=ROOT, capture_output=True, text=True)
    assert stopped.returncode == 0, stopped.stderr
    run = Run(tmp_path / "cut" / "r")
    assert run.status().state == "interrupted"
    assert "resume" in (run.status().reason or "")
    assert train("--resume", str(run.folder)).returncode == 0
    assert run.status().state == "finished"

    def losses(folder: Path) -> list[tuple[int, float]]:
        return [(r["step"], r["loss"]) for r in Run(folder).metrics() if r["kind"] == "step"]

    assert losses(run.folder) == losses(tmp_path / "whole" / "r")


def without_text(corpus: Corpus) -> None:
    rows = [row.model_copy(update={"text": ""}) for row in corpus.rows]
    write_corpus(corpus.folder, Origin(name="textless"), rows)


def test_fine_tuning_wants_transcripts(tiny_model, tiny_corpus, tmp_path):
    without_text(tiny_corpus)
    done = quick(tiny_model, tiny_corpus.folder, tmp_path / "runs")
    assert done.returncode == 2
    assert "no row with text between" in done.stderr


def test_a_run_cannot_take_the_name_of_a_model(tmp_path):
    with pytest.raises(OptionError, match="a model of the catalogue"):
        create_run(TrainingConfig(), tmp_path / "runs", "base-adaptive")


@pytest.mark.long
def test_real_distillation_needs_no_transcripts(english_corpus, tmp_path):
    rows = [r for r in english_corpus.rows if 1.5 < r.duration_s < 4]
    chosen = [r for split in SPLITS for r in [x for x in rows if x.split == split][:12]]
    folder = tmp_path / "textless"
    for row in chosen:
        (folder / row.audio).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(english_corpus.audio_path(row), folder / row.audio)
    write_corpus(folder, Origin(name="textless"), [r.model_copy(update={"text": ""}) for r in chosen])
    options = ["--method", "distill", "--base", "base", "--corpus", str(folder), "--runs", str(tmp_path), "--name", "r"]
    done = train(*options, "--epochs", "1", "--batch_size", "4", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["stock_30s"]["wer"] < 0.05  # its own texts are the reference
    assert (tmp_path / "r" / "model" / "model.bin").exists()


def test_distillation_needs_no_transcripts_and_writes_the_same_files(tiny_model, tiny_corpus, tmp_path):
    without_text(tiny_corpus)
    done = quick(tiny_model, tiny_corpus.folder, tmp_path / "runs", "--method", "distill")
    run = Run(tmp_path / "runs" / "r")
    # random weights only babble: either lessons were learned, or the job says that nothing was understood
    if done.returncode == 0:
        assert run.status().state == "finished"
        assert (run.checkpoints / "adapter" / "adapter_model.safetensors").exists()
    else:
        assert "underst" in done.stderr  # by the teacher, or in the held-out rows
        assert run.status().state == "failed"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--corpus", "nowhere"], "nowhere"),
        (["--corpus", "CORPUS", "--base", "no-such-model"], "there is no model 'no-such-model'"),
        (["--corpus", "CORPUS", "--language", "xx"], "no language 'xx'"),
        (["--corpus", "CORPUS", "--epochs", "0"], "epochs"),
        (["--corpus", "CORPUS", "--nonsense", "1"], "nonsense"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
        (["--corpus", "CORPUS", *BACKGROUND, "nowhere"], "there is no such folder of sounds"),
        (["--corpus", "CORPUS", "--targets.translate_share", "1", "--base", "tiny.en"], "cannot translate"),
        ([], "no corpus was given"),
        (["--resume", "RUN", "--epochs", "9"], "--epochs cannot change a run that is resumed"),
        (["--resume", "nowhere"], "not a run folder"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_wrong_input_is_one_sentence_and_leaves_nothing(arguments, sentence, tiny_corpus, tmp_path):
    given = [str(tiny_corpus.folder) if a == "CORPUS" else a for a in arguments]
    done = train(*given, *([] if "--resume" in given else ["--runs", str(tmp_path / "runs")]))
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told_before_anything_is_written(tiny_model, tiny_corpus, tmp_path):
    options = ["--base", str(tiny_model), "--corpus", str(tiny_corpus.folder), "--runs", str(tmp_path / "runs")]
    done = train(*options, "--name", "r", "--device", "cuda")
    assert done.returncode == 2
    assert "no CUDA device" in done.stderr
    assert not (tmp_path / "runs" / "r").exists()


def test_an_empty_manifest_and_a_lost_file_are_told_before_anything_is_written(tiny_corpus, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "manifest.jsonl").touch()
    tiny_corpus.audio_path(tiny_corpus.rows[0]).unlink()
    for folder in (empty, tiny_corpus.folder):
        done = train("--corpus", str(folder), "--runs", str(tmp_path / "runs"))
        assert done.returncode == 2
        assert done.stderr.count("error: ") == 1
    assert not (tmp_path / "runs").exists()


def test_a_job_that_cannot_begin_says_why_in_its_folder(tmp_path):
    """The page starts jobs this way, and reads nothing but the folder."""
    run = create_run(TrainingConfig(corpus=str(tmp_path / "gone")), tmp_path / "runs")
    assert train("--resume", str(run.folder)).returncode == 2
    assert run.status().state == "failed"
    assert "gone" in (run.status().reason or "")


@pytest.mark.parametrize("name", ["../out", "a/b", ".", "", "a\nb", "x" * 101])
def test_a_run_cannot_be_named_out_of_its_folder(name, tmp_path):
    with pytest.raises(OptionError, match="cannot be a run's name"):
        create_run(TrainingConfig(), tmp_path / "runs", name)
    assert not (tmp_path / "runs").exists()


def test_a_run_that_has_finished_stays_as_it_is(tiny_corpus, tmp_path):
    run = create_run(TrainingConfig(corpus=str(tiny_corpus.folder)), tmp_path / "runs", "r")
    run.update_status(state="finished")
    done = train("--resume", str(run.folder))
    assert done.returncode == 2
    assert "run r has finished; start a new one" in done.stderr
    assert run.status().state == "finished"


def test_a_broken_status_blocks_nobody_else(tiny_model, tiny_corpus, tmp_path):
    (tmp_path / "runs" / "broken").mkdir(parents=True)
    (tmp_path / "runs" / "broken" / "status.json").write_bytes(b"\xff\xfe")
    assert list_runs(tmp_path / "runs") == []


def test_the_device_is_one_jobs_at_a_time_and_a_refused_one_leaves_nothing(tiny_model, tiny_corpus, tmp_path):
    with device_lock(tmp_path / "runs"):
        done = quick(tiny_model, tiny_corpus.folder, tmp_path / "runs")
    assert done.returncode == 2
    assert "is using the device" in done.stderr
    assert not (tmp_path / "runs" / "r").exists()
