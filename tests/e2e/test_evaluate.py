"""The Evaluate tab in a real browser: evaluate two models, find the worst speaker and play an example, vote blind."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from qal.corpus.manifest import Corpus, write_corpus
from qal.evaluation.evaluate import evaluations_of

UTTERANCES = 4

pytestmark = pytest.mark.long  # it starts a server, opens pages and transcribes with two models


@pytest.fixture
def voices(english_corpus: Corpus, tmp_path: Path) -> Path:
    """A dataset with examples of two speakers; the references of the second one are not what is spoken."""
    folder = tmp_path / "data" / "voices"
    short = sorted((r for r in english_corpus.select("test") if r.duration_s < 6), key=lambda r: -r.duration_s)
    rows = []
    for i, row in enumerate(short[:UTTERANCES]):
        target = folder / "audio" / f"{i}.wav"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(english_corpus.audio_path(row), target)
        speaker, text = ("anna", row.text) if i % 2 else ("bekele", f"zebra {row.text}")
        rows.append(row.model_copy(update={"audio": f"audio/{i}.wav", "speaker": speaker, "text": text}))
    return write_corpus(folder, english_corpus.info, rows).folder


def open_evaluate(page: Page) -> None:
    page.get_by_role("tab", name="Evaluate", exact=True).click()


def start_evaluation(page: Page, *models: str) -> None:
    page.get_by_role("tab", name="New evaluation").click()
    expect(page.get_by_label("Dataset", exact=True).locator("visible=true")).to_have_value(re.compile("^voices"))
    for model in models:
        page.get_by_role("combobox", name="Models", exact=True).click()
        page.get_by_role("option", name=model).click()
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Evaluate", exact=True).click()


def test_two_models_are_evaluated_the_worst_speaker_is_found_and_heard_and_votes_are_cast(
    serve, browse, tmp_path, voices, base_directory, requested_hosts
):
    address = serve("app.py", "--data", str(tmp_path / "data"), "--model", "base")
    page = browse(address)
    open_evaluate(page)
    expect(page.get_by_text("There is no evaluation yet")).to_be_visible()
    start_evaluation(page, "base-adaptive")  # besides the default model, base
    expect(page.locator(".qal-imports")).to_contain_text("Evaluated")
    expect(page.locator(".qal-evaluations tbody tr")).to_have_count(2)
    expect(page.locator(".qal-score .rate")).to_contain_text("WER")

    groups = page.locator(".qal-groups tbody tr")
    expect(groups.first).to_contain_text("bekele")
    groups.first.get_by_role("button").click()
    examples = page.locator(".qal-samples article:visible")
    expect(examples).to_have_count(UTTERANCES // 2)
    expect(examples.first.locator("del").first).to_contain_text("zebra")
    assert (
        examples.first.locator("audio").evaluate("async (audio) => { await audio.play(); return audio.duration; }") > 0
    )

    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option").filter(has_text="base ·").first.click()
    expect(page.get_by_text("common examples")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="HTML report").click()
    assert "zebra" in download.value.path().read_text(encoding="utf-8")

    oldest = page.locator(".qal-evaluations tbody tr").last
    oldest.get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"#evaluate/results/.+"))
    page.reload()  # shows the chosen evaluation again, not the newest
    expect(oldest).to_have_class("chosen")

    other = browse(address)  # another browser shows the same, and votes
    open_evaluate(other)
    expect(other.locator(".qal-evaluations tbody tr")).to_have_count(2)
    other.get_by_role("tab", name="Blind test").click()
    other.get_by_label("Your name").fill("Anna")
    other.get_by_label("Your name").press("Enter")
    expect(other.get_by_text("Example 1 of").or_(other.get_by_text("wrote the same in every example"))).to_be_visible()
    assert requested_hosts <= {"127.0.0.1", "no host"}


def test_blind_votes_lead_through_the_examples_to_the_win_rate(serve, browse, tmp_path, voices, base_directory):
    page = browse(serve("app.py", "--data", str(tmp_path / "data"), "--model", "base"))
    open_evaluate(page)
    start_evaluation(page)
    started = page.locator(".qal-imports")
    started.get_by_role("button", name="Stop").click()  # while the model is loaded
    expect(started).to_contain_text("was stopped. What is transcribed is kept.")
    started.get_by_role("button", name="Continue").click()
    expect(started).to_contain_text("Evaluated")
    ((folder, evaluation),) = evaluations_of(tmp_path / "evaluations")
    changed = folder.with_name("changed")
    shutil.copytree(folder, changed)
    rows = (changed / "rows.jsonl").read_text().replace('"hypothesis":"', '"hypothesis":"well ')
    (changed / "rows.jsonl").write_text(rows)
    settings = evaluation.model_copy(update={"id": "changed", "started": evaluation.started + 1})
    (changed / "evaluation.json").write_text(settings.model_dump_json())

    page.reload()
    page.get_by_role("tab", name="Blind test").click()
    page.get_by_label("Your name").fill("Anna")
    page.get_by_label("Your name").press("Enter")
    for number in range(1, UTTERANCES + 1):
        expect(page.get_by_text(f"Example {number} of {UTTERANCES}")).to_be_visible()
        page.get_by_role("button", name="A is better").click()
    expect(page.get_by_text(f"You have rated all {UTTERANCES} examples")).to_be_visible()
    page.get_by_role("button", name="Results").click()
    expect(page.locator(".qal-votes")).to_contain_text("Anna")
