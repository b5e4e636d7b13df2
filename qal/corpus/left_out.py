"""The reasons for which examples are left out of training or of a score, and the sentence that counts them.

They have the same wording in the terminal, on the page and in report.json."""

from collections import Counter
from collections.abc import Iterable, Mapping

from qal.corpus.manifest import Row
from qal.errors import AudioDecodeError, NotFiniteAudioError, SilentAudioError

NO_TEXT = "without text"
UNREADABLE = "with unreadable audio"
SILENT = "with silent audio"
NOT_FINITE = "with audio that is not numbers"

LeftOut = Mapping[str, int]  # number of examples by reason


def longer_than(limit_s: float) -> str:
    return f"longer than {limit_s:g} s"


def shorter_than(limit_s: float) -> str:
    return f"shorter than {limit_s:g} s"


def marked_as(mark: str) -> str:
    return f'marked "{mark}"'


def count_marked(rows: Iterable[Row]) -> dict[str, int]:
    """Counts the marked examples by their first mark, so that each is counted once; the most frequent first."""
    return dict(Counter(marked_as(row.marks[0]) for row in rows if row.marks).most_common())


def audio_reason(error: AudioDecodeError) -> str:
    """Returns why an example is left out whose audio raised this error."""
    if isinstance(error, SilentAudioError):
        return SILENT
    return NOT_FINITE if isinstance(error, NotFiniteAudioError) else UNREADABLE


def added(*counts: LeftOut) -> dict[str, int]:
    """Adds counts by reason, the most frequent first."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total.most_common())


def describe_left_out(counts: LeftOut) -> str:
    """Returns one sentence without a full stop, such as "5 examples left out: 4 longer than 20 s, 1 without text"."""
    total = sum(counts.values())
    if not total:
        return ""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
    return f"{total:,} {'example' if total == 1 else 'examples'} left out: {reasons}"
