"""The script of the Record page, which shares parts of the Live page's script."""

import re

from ui_components.data.record.view import record_html, record_script
from ui_components.live.view import SCRIPTS_FOLDER

DEFINED = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
COMMENT = re.compile(r"(?<![:\"'`\w])//.*")


def test_script_of_the_record_page_defines_all_that_it_uses_of_the_live_page():
    script = COMMENT.sub("", record_script())
    of_live_page = {name for path in SCRIPTS_FOLDER.glob("*.js") for name in DEFINED.findall(path.read_text())}
    used = {name for name in of_live_page if re.search(rf"(?<![.\w-]){name}\(|\bnew {name}\b", script)}
    assert {"postJson", "AudioSource", "loadValue"} <= used
    assert used <= set(DEFINED.findall(script)) | set(re.findall(r"(\w+)\(.*\) \{", script))


def test_pattern_of_the_dataset_name_escapes_the_hyphen_which_browsers_require():
    (pattern,) = re.findall(r'pattern="(.*?)"', record_html())
    assert re.fullmatch(pattern, "my-voice_2")
    assert not re.fullmatch(pattern, "my voice")
    assert r"\-" in pattern  # the `v` flag of browsers refuses a hyphen at the end of a class
