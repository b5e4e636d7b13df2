"""Formats that a transcript can be saved in: subtitles, text, a table, a document and JSON.

`cue_fields` gives the JSON of live captions."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, NamedTuple, Protocol

from qal.text.subtitles.cue_files import write_ass, write_srt, write_ttml, write_vtt
from qal.text.subtitles.cues import make_cues
from qal.text.subtitles.documents import to_csv, to_docx, to_txt
from qal.text.subtitles.rules import SubtitleRules
from qal.text.subtitles.timed_text import TimedSegment
from qal.text.subtitles.verbose_json import to_verbose_json

DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class TranscriptDetails(NamedTuple):
    """Facts about a transcript that some formats state besides its segments."""

    task: str = "transcribe"
    duration_s: float | None = None  # of the file; None: the end of the last segment
    title: str = ""  # of a document


NO_DETAILS = TranscriptDetails()


class SubtitleFormat(NamedTuple):
    """A format that a transcript can be saved in."""

    label: str
    mime_type: str
    content: Callable[[Sequence[TimedSegment], SubtitleRules, TranscriptDetails], str | bytes]
    suffix: str

    def format(
        self,
        segments: Sequence[TimedSegment],
        rules: SubtitleRules = SubtitleRules(),  # noqa: B008  frozen
        details: TranscriptDetails = NO_DETAILS,
    ) -> bytes:
        """Returns the content of the file; texts are UTF-8."""
        content = self.content(segments, rules, details)
        return content if isinstance(content, bytes) else content.encode()

    @property
    def is_text(self) -> bool:
        return self.mime_type != DOCX_TYPE


_FORMATS = (
    SubtitleFormat("Text", "text/plain", lambda segments, rules, _: to_txt(segments, rules), "txt"),
    SubtitleFormat(
        "SRT", "application/x-subrip", lambda s, rules, _: write_srt(make_cues(s, rules), rules.rtl_marks), "srt"
    ),
    SubtitleFormat("WebVTT", "text/vtt", lambda s, rules, _: write_vtt(make_cues(s, rules)), "vtt"),
    SubtitleFormat("ASS", "text/x-ssa", lambda s, rules, _: write_ass(make_cues(s, rules)), "ass"),
    SubtitleFormat("TTML", "application/ttml+xml", lambda s, rules, _: write_ttml(make_cues(s, rules)), "ttml"),
    SubtitleFormat("JSON", "application/json", lambda s, _, more: to_verbose_json(s, *more[:2]), "json"),
    SubtitleFormat("CSV", "text/csv", lambda s, rules, _: to_csv(s, rules), "csv"),
    SubtitleFormat("Word", DOCX_TYPE, lambda s, rules, more: to_docx(s, rules, more.title), "docx"),
)
SUBTITLE_FORMATS = {form.suffix: form for form in _FORMATS}


class Caption(Protocol):
    """A dataclass with at least a time range and its text. Its JSON holds all of its fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...
    @property
    def text(self) -> str: ...


def cue_fields(cue: Caption) -> dict[str, Any]:
    """Returns all fields of a caption as every JSON output of live captions writes them.

    Floats are rounded to three decimals; the times of words, if there are any, lie within those of the cue."""
    fields = _rounded(asdict(cue))
    for word in fields.get("words", ()):
        for name in ("start_s", "end_s"):
            word[name] = min(max(word[name], fields["start_s"]), fields["end_s"])
    return fields


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, (list, tuple)) else value
