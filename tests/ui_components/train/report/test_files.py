"""The report as files that stand alone."""

import base64
import io
import re

import pytest
from PIL import Image

from qal.errors import TrainingError
from qal.jobs.notes import Notes, write_notes
from tests.run_folders import scripted_run
from ui_components.train.report.files import download_html, download_png


def image(file: dict[str, str]) -> Image.Image:
    assert file["type"] == "image/png"
    return Image.open(io.BytesIO(base64.b64decode(file["base64"])))


def test_a_picture_of_four_panels(studio):
    scripted_run(studio.runs, "a", "finished")
    file = download_png(studio, "a")
    assert file["name"] == "a-report.png"
    picture = image(file).convert("L")
    width, height = picture.size
    assert (width, height) == (1560, 960)
    quarters = [(x, y, x + width // 2, y + height // 2) for x in (0, width // 2) for y in (0, height // 2)]
    for quarter in quarters:
        assert min(picture.crop(quarter).tobytes()) < 128  # something is drawn there


@pytest.mark.parametrize("title", ["$\\frac{$ _^ \\", "</script><script>alert(1)</script>", "ቃል слово 词", "%s {x}"])
def test_any_title_can_be_drawn_and_none_is_markup(studio, title):
    run = scripted_run(studio.runs, "a", "running", step=5)
    write_notes(run, Notes(title=title))
    assert image(download_png(studio, "a")).width
    page = download_html(studio, "a")["text"]
    assert "<script>alert" not in page


def test_the_page_asks_nobody_and_holds_the_charts_and_the_table(studio):
    scripted_run(studio.runs, "a", "finished")
    file = download_html(studio, "a")
    assert file["name"] == "a-report.html"
    outside_code = re.sub(r"<script>.*?</script>", "", file["text"], flags=re.DOTALL)
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", outside_code)
    assert [name for name in ("loss", "wer", "cer") if f'id="{name}"' in file["text"]] == ["loss", "wer", "cer"]
    assert "-12.0 points (-40 %)" in file["text"]
    assert "19.0 % (14.0 – 25.0)" in file["text"]


def test_a_run_that_has_only_begun_has_a_report_of_what_there_is(studio):
    scripted_run(studio.runs, "a", "running", step=3)
    assert "Not measured." not in download_html(studio, "a")["text"]
    assert image(download_png(studio, "a")).width


def test_no_other_folder_is_read(studio):
    scripted_run(studio.runs, "a", "finished")
    for wanted in (None, "b", "../a", "a/../a"):
        with pytest.raises(TrainingError):
            download_html(studio, wanted)
