"""A complete job with a tiny random model: files, stop, resume, model directory, invalid input."""

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
from qal.engine.model_directory import read_metadata
from qal.errors import OptionError
from qal.evaluation.gate_report import read_gate_report
from qal.evaluation.report import RunReport
from qal.export.to_ctranslate2 import to_ctranslate2
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.queue import device_lock
from qal.jobs.run import TRAINED_WEIGHTS_FILE, Run, create_run, list_runs

BACKGROUND = ["--augmentation.background.probability", "1", "--augmentation.background.folder"]
NO_GATE = ["--result.gate", "off"]  # of a random model, which writes hundreds of tokens for each example
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def tiny_model(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return to_ctranslate2(tiny_weights, tmp_path_factory.mktemp("tiny") / "ctranslate2")


def train(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "train_whisper_lightning.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd or ROOT, env={**os.environ, **environment})


def train_tiny(model: Path, corpus: Path, runs: Path, *more: str) -> subprocess.CompletedProcess:
    options = ["--base", str(model), "--corpus", str(corpus), "--runs", str(runs), "--name", "r", "--epochs", "2"]
    gate = [] if "--result.gate" in more else NO_GATE  # an option is given once
    return train(*options, "--batch_size", "2", "--precision", "32-true", "--device", "cpu", *gate, *more)


def test_job_writes_all_files_of_the_run_folder(tiny_model, tiny_corpus, tmp_path):
    shutil.copytree(tiny_corpus.folder, tiny_corpus.folder.with_name("other"))
    suite = tmp_path / "suite.yaml"
    suite.write_text(f"corpora:\n  - corpus: {tiny_corpus.folder}\n    max_rtf: 1000\n")
    done = train_tiny(tiny_model, tiny_corpus.folder, tmp_path / "runs", "--json", "--result.suite", str(suite))
    assert done.returncode == 0, done.stderr
    run = Run(tmp_path / "runs" / "r")
    assert run.status().state == "finished"
    stages = run.status().stages
    names = ["prepare", "train", "validate", "merge", "check", "report", "retention", "suite"]
    assert [s.name for s in stages] == names
    assert [(s.done, s.seconds > 0) for s in stages] == [(s.total, True) for s in stages]
    assert not run.reserve_file.exists()
    rows = run.metrics()
    assert [r["step"] for r in rows if r["kind"] == "step"] == [1, 2, 3, 4]
    assert [r["epoch"] for r in rows if r["kind"] == "epoch"] == [0, 1, 2]
    assert all({"wer", "cer", "validation_loss"} <= r.keys() for r in rows if r["kind"] == "epoch")
    assert all({"grad_norm", "memory_mb", "disk_free_mb"} <= r.keys() for r in rows if r["kind"] == "step")
    samples = [json.loads(line) for line in run.samples_file.read_text().splitlines()]
    assert [row["epoch"] for row in samples] == [0, 1, 2]
    assert [s["text"] for s in samples[0]["samples"]] == [s["text"] for s in samples[2]["samples"]]
    assert all(Path(s["audio"]).is_file() for s in samples[0]["samples"])
    printed = json.loads(done.stdout.splitlines()[-1])
    assert printed == json.loads(run.report_file.read_text())
    assert RunReport.model_validate_json(done.stdout.splitlines()[-1]) == run.report()
    variants = ("stock_30s", "tuned_30s", "tuned_adaptive")
    scores = {"wer", "wer_low", "wer_high", "cer", "cer_low", "cer_high", "rtf"}
    assert all(printed[variant].keys() == scores for variant in variants)
    assert printed["paired"].keys() == {"difference", "low", "high", "p"}
    assert len(printed["retention"]["corpora"]) == 1
    assert printed["retention"]["sounds"] > 0
    assert printed["retention"].keys() >= {"invented_words", "invented_words_screened"}
    assert (printed["split"], printed["measure"], printed["normaliser"]) == ("test", "WER", "basic-2")
    assert run.tensorboard.is_dir()
    assert run.environment_file.is_file()
    assert "licence CC0" in (run.model / "README.md").read_text()
    metadata = read_metadata(run.model)
    assert metadata.context.adaptive
    assert metadata.run == "r"
    assert metadata.measured is not None
    assert (report := run.report())
    assert metadata.measured.basis == report.basis
    assert metadata.measured.basis in (run.model / "README.md").read_text()
    assert json.loads(run.conversion_check_file.read_text())["utterances"] == 8
    checked = json.loads(run.suite_file.read_text())
    assert (checked["passed"], checked["problem"], checked["results"][0]["utterances"]) == (True, "", 4)
    assert not list(run.folder.glob("*.new"))
    transcript = Engine(run.model).transcribe([Utterance(np.zeros(16_000, np.float32), "en")])[0]
    assert transcript.context_frames < 3000
    faster_whisper_model = faster_whisper.WhisperModel(str(run.model), device="cpu")
    assert list(
        faster_whisper_model.transcribe(np.zeros(16_000, np.float32), language="en", no_speech_threshold=None)[0]
    )


@pytest.mark.long
def test_gate_is_a_stage_of_the_job_and_its_result_stays_with_run_model_and_report(tiny_model, tiny_corpus, tmp_path):
    options = ["--result.gate", "warn", "--check_utterances", "2", "--json"]  # random weights may fail it
    done = train_tiny(tiny_model, tiny_corpus.folder, tmp_path / "runs", *options)
    assert done.returncode == 0, done.stderr
    run, printed = Run(tmp_path / "runs" / "r"), json.loads(done.stdout.splitlines()[-1])
    (stage,) = (s for s in run.status().stages if s.name == "gate")
    assert (stage.done, stage.total) == (20, 20)
    assert stage.expected_s > 0
    assert {check["name"] for check in printed["gate"]["checks"]} >= {"weights", "silence", "long recordings"}
    assert read_gate_report(run.model) == read_gate_report(run.folder)


@pytest.mark.long
def test_training_without_adapter_converts_and_keeps_the_transformers_model(tiny_model, tiny_corpus, tmp_path):
    options = ["--trained.adapter", "none", "--result.keep", "best", "--validation_utterances", "2"]
    done = train_tiny(tiny_model, tiny_corpus.folder, tmp_path / "runs", *options, "--check_utterances", "2")
    assert done.returncode == 0, done.stderr
    run = Run(tmp_path / "runs" / "r")
    assert [p.name for p in run.adapter.iterdir()] == [TRAINED_WEIGHTS_FILE]
    assert (run.transformers / "model.safetensors").exists()
    assert (run.model / "model.bin").exists()
    assert run.conversion_check_file.exists()
    assert not run.merged_model.exists()


@pytest.mark.long
def test_learning_rate_finder_prints_its_suggestion_and_does_not_train(tiny_model, tiny_corpus, tmp_path):
    done = train_tiny(tiny_model, tiny_corpus.folder, tmp_path / "runs", "--find_learning_rate", "true")
    assert done.returncode == 0, done.stderr
    run = Run(tmp_path / "runs" / "r")
    printed = json.loads(done.stdout.splitlines()[-1])
    assert printed["suggestion"] == json.loads(run.learning_rate_file.read_text())["suggestion"]
    assert run.status().state == "finished"
    assert not run.checkpoints.exists()


def test_stop_request_interrupts_stages_other_than_training(tiny_corpus, tmp_path, monkeypatch):
    run = create_run(TrainingConfig(corpus=str(tiny_corpus.folder)), tmp_path, "r")

    def stages(run, config, attempt, progress, *_) -> None:
        run.request_stop()
        progress.stage("report")(1, 2)

    monkeypatch.setattr(script, "run_stages", stages)
    assert script.run_job(run, TrainingConfig()) is None
    assert run.status().state == "interrupted"
    assert "Press Resume" in (run.status().reason or "")


@pytest.mark.long
def test_resumed_run_has_the_losses_of_an_uninterrupted_run(tiny_model, tiny_corpus, tmp_path):
    """The run is stopped within an epoch, with all random options on."""
    random_options = [
        "--augmentation.preset",
        "strong",
        "--targets.timestamp_share",
        "0.5",
        "--targets.previous_share",
        "0.5",
    ]
    random_options += ["--corpus_weights", json.dumps({str(tiny_corpus.folder): 1.5})]
    random_options += ["--curriculum.by", "snr", "--curriculum.epochs", "2"]
    assert train_tiny(tiny_model, tiny_corpus.folder, tmp_path / "uninterrupted", *random_options).returncode == 0
    code = (
        "import sys, qal.training.loop.callbacks as c\n"
        "original_append = c.RunRecorder._append\n"
        "def append(self, trainer, kind, **f):\n"
        "    original_append(self, trainer, kind, **f)\n"
        "    if kind == 'step' and trainer.global_step == 4: self.run.request_stop()\n"
        "c.RunRecorder._append = append\n"
        "import train_whisper_lightning as t\n"
        "t.main(sys.argv[1:])\n"
    )
    arguments = ["--base", str(tiny_model), "--corpus", str(tiny_corpus.folder), "--runs", str(tmp_path / "stopped")]
    arguments += ["--name", "r", "--epochs", "2", "--batch_size", "2", "--precision", "32-true", "--device", "cpu"]
    stopped = subprocess.run(
        [sys.executable, "-c", code, *arguments, *random_options], cwd=ROOT, capture_output=True, text=True
    )
    assert stopped.returncode == 0, stopped.stderr
    run = Run(tmp_path / "stopped" / "r")
    assert run.status().state == "interrupted"
    assert "Press Resume" in (run.status().reason or "")
    assert train("--resume", str(run.folder)).returncode == 0
    assert run.status().state == "finished"

    def losses(folder: Path) -> list[tuple[int, float]]:
        return [(r["step"], r["loss"]) for r in Run(folder).metrics() if r["kind"] == "step"]

    assert losses(run.folder) == losses(tmp_path / "uninterrupted" / "r")


def remove_transcripts(corpus: Corpus) -> None:
    rows = [row.model_copy(update={"text": ""}) for row in corpus.rows]
    write_corpus(corpus.folder, Origin(name="textless"), rows)


def test_fine_tuning_without_transcripts_is_an_error(tiny_model, tiny_corpus, tmp_path):
    remove_transcripts(tiny_corpus)
    done = train_tiny(tiny_model, tiny_corpus.folder, tmp_path / "runs")
    assert done.returncode == 2
    assert "no example with text between" in done.stderr


def test_run_with_the_name_of_a_catalogue_model_is_an_error(tmp_path):
    with pytest.raises(OptionError, match="a model of the catalogue"):
        create_run(TrainingConfig(), tmp_path / "runs", "base-adaptive")


@pytest.mark.long
def test_distillation_of_a_real_model_needs_no_transcripts(english_corpus, tmp_path):
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
    assert report["stock_30s"]["wer"] < 0.05  # the references are the model's own transcripts
    assert (tmp_path / "r" / "model" / "model.bin").exists()


@pytest.mark.long
def test_distillation_needs_no_transcripts_and_writes_the_same_files(tiny_model, tiny_corpus, tmp_path):
    remove_transcripts(tiny_corpus)
    done = train_tiny(tiny_model, tiny_corpus.folder, tmp_path / "runs", "--method", "distill")
    run = Run(tmp_path / "runs" / "r")
    # random weights transcribe nonsense: the job either trains, or fails because nothing was transcribed
    if done.returncode == 0:
        assert run.status().state == "finished"
        assert (run.checkpoints / "adapter" / "adapter_model.safetensors").exists()
    else:
        assert "the base model transcribed none of" in done.stderr
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
        (["--corpus", "CORPUS", "--result.suite", "nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["--corpus", "CORPUS", *BACKGROUND, "nowhere"], "there is no such folder of sounds"),
        (["--corpus", "CORPUS", "--targets.translate_share", "1", "--base", "tiny.en"], "cannot translate"),
        ([], "no dataset is given"),
        (["--resume", "RUN", "--epochs", "9"], "--epochs cannot change a run that is resumed"),
        (["--resume", "nowhere"], "not a run folder"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_invalid_input_is_an_error_of_one_sentence_and_creates_no_run(arguments, sentence, tiny_corpus, tmp_path):
    given = [str(tiny_corpus.folder) if a == "CORPUS" else a for a in arguments]
    done = train(*given, *([] if "--resume" in given else ["--runs", str(tmp_path / "runs")]))
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="there is a GPU")
def test_missing_gpu_is_an_error_before_a_run_is_created(tiny_model, tiny_corpus, tmp_path):
    options = ["--base", str(tiny_model), "--corpus", str(tiny_corpus.folder), "--runs", str(tmp_path / "runs")]
    done = train(*options, "--name", "r", "--device", "cuda")
    assert done.returncode == 2
    assert "no CUDA device" in done.stderr
    assert not (tmp_path / "runs" / "r").exists()


def test_empty_manifest_and_missing_audio_are_errors_before_a_run_is_created(tiny_corpus, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "manifest.jsonl").touch()
    tiny_corpus.audio_path(tiny_corpus.rows[0]).unlink()
    for folder in (empty, tiny_corpus.folder):
        done = train("--corpus", str(folder), "--runs", str(tmp_path / "runs"))
        assert done.returncode == 2
        assert done.stderr.count("error: ") == 1
    assert not (tmp_path / "runs").exists()


def test_job_that_cannot_start_writes_the_reason_to_its_status(tmp_path):
    """The page starts jobs this way, and reads only the run's folder."""
    run = create_run(TrainingConfig(corpus=str(tmp_path / "gone")), tmp_path / "runs")
    assert train("--resume", str(run.folder)).returncode == 2
    assert run.status().state == "failed"
    assert "gone" in (run.status().reason or "")


@pytest.mark.parametrize("name", ["../out", "a/b", ".", "", "a\nb", "x" * 101])
def test_run_name_with_path_characters_is_an_error(name, tmp_path):
    with pytest.raises(OptionError, match="cannot be a run's name"):
        create_run(TrainingConfig(), tmp_path / "runs", name)
    assert not (tmp_path / "runs").exists()


def test_finished_run_cannot_be_resumed(tiny_corpus, tmp_path):
    run = create_run(TrainingConfig(corpus=str(tiny_corpus.folder)), tmp_path / "runs", "r")
    run.update_status(state="finished")
    done = train("--resume", str(run.folder))
    assert done.returncode == 2
    assert "run r has finished; start a new one" in done.stderr
    assert run.status().state == "finished"


def test_folder_with_a_broken_status_is_not_listed(tmp_path):
    (tmp_path / "runs" / "broken").mkdir(parents=True)
    (tmp_path / "runs" / "broken" / "status.json").write_bytes(b"\xff\xfe")
    assert list_runs(tmp_path / "runs") == []


def test_job_is_refused_while_the_device_is_locked_and_creates_no_run(tiny_model, tiny_corpus, tmp_path):
    with device_lock(tmp_path / "runs"):
        done = train_tiny(tiny_model, tiny_corpus.folder, tmp_path / "runs")
    assert done.returncode == 2
    assert "is using the device" in done.stderr
    assert not (tmp_path / "runs" / "r").exists()
