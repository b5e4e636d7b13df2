"""The HTML of the Data tab."""

from qal.corpus.manifest import Row
from ui_components.data.corpora import RowPage
from ui_components.data.views import MAX_SPEAKER_CHARS, row_details, rows_html

SPEAKER = "0123456789abcdef" * 8


def test_long_speaker_ids_are_shortened_and_complete_in_the_tooltip():
    row = Row(
        audio="a.wav", text="hello", language="en", speaker=SPEAKER, duration_s=1, split="train", sha256=f"{0:064}"
    )
    shown = rows_html(RowPage(rows=[(0, row)], number=0, total=1), None)
    assert f'title="{SPEAKER}"' in shown
    assert f">{SPEAKER[: MAX_SPEAKER_CHARS - 1]}…<" in shown
    assert SPEAKER not in row_details(row)
