"""Tests of the report as self-contained files."""

import base64
import io
import re

import pytest
from PIL import Image

from qal.errors import TrainingError
from qal.jobs.notes import Notes, write_notes
from tests.run_folders import scripted_run
from ui_components.train.report.files import download_html, download_png


def decode_image(file: dict[str, str]) -> Image.Image:
    assert file["type"] == "image/png"
    return Image.open(io.BytesIO(base64.b64decode(file["base64"])))


def test_png_report_has_four_panels(studio):
    scripted_run(studio.runs, "a", "finished")
    file = download_png(studio, "a")
    assert file["name"] == "a-report.png"
    image = decode_image(file).convert("L")
    width, height = image.size
    assert (width, height) == (1560, 960)
    quarters = [(x, y, x + width // 2, y + height // 2) for x in (0, width // 2) for y in (0, height // 2)]
    for quarter in quarters:
        assert min(image.crop(quarter).tobytes()) < 128  # the quarter has dark pixels


@pytest.mark.parametrize("title", ["$\\frac{$ _^ \\", "</script><script>alert(1)</script>", "ቃል слово 词", "%s {x}"])
def test_report_accepts_any_title_and_escapes_it(studio, title):
    run = scripted_run(studio.runs, "a", "running", step=5)
    write_notes(run, Notes(title=title))
    assert decode_image(download_png(studio, "a")).width
    page = download_html(studio, "a")["text"]
    assert "<script>alert" not in page


def test_html_report_loads_nothing_and_holds_charts_and_tables(studio):
    scripted_run(studio.runs, "a", "finished")
    file = download_html(studio, "a")
    assert file["name"] == "a-report.html"
    without_scripts = re.sub(r"<script>.*?</script>", "", file["text"], flags=re.DOTALL)
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", without_scripts)
    assert [name for name in ("loss", "wer", "cer") if f'id="{name}"' in file["text"]] == ["loss", "wer", "cer"]
    assert "-12.0 points (-40 %)" in file["text"]
    assert "19.0 % (14.0 – 25.0)" in file["text"]
    assert file["text"].count("test set · 20 utterances, 90 words · normaliser basic-1") == 2  # below both tables


def test_run_in_progress_has_a_report_of_its_metrics(studio):
    scripted_run(studio.runs, "a", "running", step=3)
    assert "Not measured." not in download_html(studio, "a")["text"]
    assert decode_image(download_png(studio, "a")).width


def test_report_reads_no_folder_outside_the_runs(studio):
    scripted_run(studio.runs, "a", "finished")
    for run_id in (None, "b", "../a", "a/../a"):
        with pytest.raises(TrainingError):
            download_html(studio, run_id)
