"""A long test of a real training from the page: start, reload, stop, resume, finish, and use of the model."""

import json

import faster_whisper
import pytest
from playwright.sync_api import expect

from qal.jobs.run import list_runs
from tests.e2e.train_page import open_train

MINUTE_MS = 60_000


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_real_training_survives_reload_stop_and_resume_and_its_model_transcribes(
    serve, browse, tmp_path, russian_corpus
):
    data = tmp_path / "data"
    data.mkdir()
    (data / "asterisk-ru").symlink_to(russian_corpus.folder.resolve())
    page = browse(serve("app.py", "--data", str(data)))
    open_train(page, "New run")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".qal-run")).to_contain_text("step 3 of", timeout=10 * MINUTE_MS)

    page.reload()
    open_train(page)
    expect(page.locator(".qal-run")).to_contain_text("Training", timeout=MINUTE_MS)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible(timeout=5 * MINUTE_MS)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("cell", name="Fine-tuned, adaptive context")).to_be_visible(timeout=30 * MINUTE_MS)

    run = list_runs(tmp_path / "runs")[0]
    steps = [row["step"] for row in run.metrics() if row["kind"] == "step"]
    assert steps == list(range(1, run.status().steps + 1))
    report = json.loads(run.report_file.read_text())
    assert report["tuned_adaptive"]["wer"] < 0.8 * report["stock_30s"]["wer"]
    model = faster_whisper.WhisperModel(str(run.model), device="cpu", compute_type="int8")
    example = next(row for row in russian_corpus.select("test") if row.duration_s > 3)
    assert list(model.transcribe(str(russian_corpus.audio_path(example)), language="ru")[0])
