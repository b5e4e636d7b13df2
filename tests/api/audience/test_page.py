"""The files of the audience's page: their syntax, and the same texts in every language."""

import json
import shutil
import subprocess

import pytest

from qal.api.audience.routes import FILES, PAGE_FOLDER

NODE = shutil.which("node")


@pytest.mark.skipif(not NODE, reason="Node.js is not installed")
def test_scripts_of_the_audience_page_are_valid_javascript(tmp_path):
    script = tmp_path / "page.js"
    script.write_text("\n".join((PAGE_FOLDER / part).read_text(encoding="utf-8") for part in FILES["page.js"][1]))
    subprocess.run([str(NODE), "--check", str(script)], check=True)


@pytest.mark.skipif(not NODE, reason="Node.js is not installed")
def test_every_language_of_the_audience_page_has_all_texts():
    script = (PAGE_FOLDER / "texts.js").read_text(encoding="utf-8") + "\nconsole.log(JSON.stringify(TEXTS));"
    done = subprocess.run([str(NODE), "-e", script], check=True, capture_output=True, text=True)
    texts = json.loads(done.stdout)
    assert {"en", "am", "ar"} <= set(texts)
    for language, of_language in texts.items():
        assert list(of_language) == list(texts["en"]), language
        assert all(text.strip() for text in of_language.values()), language


def test_audience_page_has_no_inline_script_or_style_and_loads_nothing_from_elsewhere():
    page = (PAGE_FOLDER / "page.html").read_text(encoding="utf-8")
    assert " style=" not in page
    assert "<style" not in page
    assert "http" not in page
    assert page.count("<script") == page.count('<script src="page.js"') == 1
    for name in ("page.js", "texts.js"):
        assert "innerHTML" not in (PAGE_FOLDER / name).read_text(encoding="utf-8")
