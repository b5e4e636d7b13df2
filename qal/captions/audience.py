"""The captions of one audience link as server-sent events, each encoded once for all viewers.

Viewers read from a common log at their own positions: a slow one skips tentative text and states, but no final caption,
and costs no memory. Names and data (JSON) of the events:

    state    {"live", "ended", "panes": [label, ...]}, first of all and when something of it changes
    final    {"pane", "key": [session number, caption index], "text", "start_s", "language"}
    partial  {"pane", "key", "text", "committed"}; replaces the last one of its pane; an empty text removes it
    revoked  {}, the last one

The id of a final caption (Last-Event-ID) is a cursor: for each pane the key of the last caption up to this one."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from qal.captions.audience_link import MAX_PANES
from qal.captions.final_captions import Caption
from qal.json_text import json_text

MAX_LINES = 5000  # of a log; the oldest are dropped
LATE_LINES = 200  # of each pane, for a viewer who opens the page late
CURSOR = re.compile(r"(-?\d{1,6}\.-?\d{1,15})(,-?\d{1,6}\.-?\d{1,15})*", re.ASCII)


class LineKey(NamedTuple):
    """Orders the final captions of a pane."""

    session_number: int
    caption: int


BEFORE_ALL = LineKey(-1, -1)


class Line(NamedTuple):
    """A final caption in the log."""

    pane: int
    key: LineKey
    event: bytes


class AudienceState(NamedTuple):
    """The information for viewers besides captions."""

    live: bool
    ended: bool
    panes: tuple[str, ...]


@dataclass
class Source:
    """A session that feeds a pane. Until what is on its disk was added, its captions wait."""

    pane: int
    number: int
    waiting: list[Caption] | None = field(default_factory=list)


@dataclass
class Partial:
    """The tentative caption of a pane."""

    version: int = 0
    key: LineKey = BEFORE_ALL
    event: bytes = b""


@dataclass
class Reader:
    """The position of one viewer: lines of the log, versions of the state and of the partial captions."""

    next_line: int
    late: bytes = b""  # captions that were in the log when the viewer came
    state_version: int = 0
    partial_versions: list[int] = field(default_factory=lambda: [0] * MAX_PANES)


class AudienceLog:
    """The events of one link. Only one thread may call it."""

    def __init__(self, state: AudienceState):
        self._lines: list[Line] = []
        self._dropped = 0  # lines before the first one of `_lines`
        self._last = [BEFORE_ALL] * MAX_PANES
        self._sources: dict[str, Source] = {}  # by session id
        self._partials = [Partial() for _ in range(MAX_PANES)]
        self._version = 0
        self.is_revoked = False
        self.set_state(state)

    @property
    def sessions(self) -> set[str]:
        return set(self._sources)

    def set_state(self, state: AudienceState) -> None:
        self._version += 1
        self._state_version = self._version
        self.state = state
        self._state_event = _event("state", state._asdict())
        if not state.live:
            self._partials = [Partial(self._version) for _ in self._partials]

    def revoke(self) -> None:
        """Ends the log: from now on, the viewers read the event `revoked` and nothing else."""
        self.is_revoked = True

    def add_session(self, session: str, pane: int, number: int) -> None:
        """Adds a session to a pane; `load` is called next, with what it has on disk."""
        self._sources[session] = Source(pane, number)

    def load(self, session: str, stored: Iterable[Caption]) -> None:
        """Adds the captions that the session has on disk, then those that arrived while they were read."""
        source = self._sources[session]
        waiting, source.waiting = source.waiting or [], None
        for caption in (*stored, *waiting):
            self._add_caption(source, caption)

    def add(self, session: str, captions: Iterable[Caption]) -> None:
        """Adds captions of a session; captions that are in the log already, and unknown sessions, are ignored."""
        source = self._sources.get(session)
        if source is None:
            return
        if source.waiting is not None:
            source.waiting.extend(captions)
            return
        for caption in captions:
            self._add_caption(source, caption)

    def forget(self, session: str) -> None:
        """Empties the lines of a session that was deleted, so that no viewer reads them from now on."""
        source = self._sources[session]
        place = (source.pane, source.number)
        self._lines = [
            line._replace(event=b"") if (line.pane, line.key.session_number) == place else line for line in self._lines
        ]

    def reader(self, cursor: str | None) -> Reader:
        """Returns the position of a viewer.

        Args:
            cursor: the id of the last event that the viewer has; all captions after it follow. None, or an invalid
                one, gives the last LATE_LINES captions of each pane."""
        seen = parse_cursor(cursor)
        lines = [line for line in self._lines if line.key > seen[line.pane]] if seen else self._last_lines()
        return Reader(self._dropped + len(self._lines), b"".join(line.event for line in lines))

    def read(self, reader: Reader) -> bytes:
        """Returns the events that the viewer has not read yet, and moves its position to the end."""
        if self.is_revoked:
            return _event("revoked", {})
        start = max(0, reader.next_line - self._dropped)
        parts = [reader.late, *(line.event for line in self._lines[start:])]
        if reader.state_version != self._state_version:
            parts.insert(0, self._state_event)
        for pane, partial in enumerate(self._partials):
            if partial.version != reader.partial_versions[pane]:
                reader.partial_versions[pane] = partial.version
                parts.append(partial.event)
        reader.late, reader.next_line = b"", self._dropped + len(self._lines)
        reader.state_version = self._state_version
        return b"".join(parts)

    def _last_lines(self) -> list[Line]:
        counts: Counter[int] = Counter()
        last = []
        for line in reversed(self._lines):
            counts[line.pane] += 1
            if counts[line.pane] <= LATE_LINES:
                last.append(line)
        return last[::-1]

    def _add_caption(self, source: Source, caption: Caption) -> None:
        key = LineKey(source.number, caption.index)
        if key <= self._last[source.pane]:
            return
        if caption.final and caption.text:
            self._add_line(source.pane, key, caption)
        else:
            self._set_partial(source.pane, key, caption)

    def _add_line(self, pane: int, key: LineKey, caption: Caption) -> None:
        self._last[pane] = key
        data = {"pane": pane, "key": key, "text": caption.text}
        data |= {"start_s": round(caption.start_s, 3), "language": caption.language}
        self._lines.append(Line(pane, key, _event("final", data, cursor_text(self._last))))
        if len(self._lines) > MAX_LINES:
            excess = len(self._lines) - MAX_LINES * 9 // 10  # not one by one
            del self._lines[:excess]
            self._dropped += excess
        if self._partials[pane].key <= key:  # the page removes it with the final caption
            self._partials[pane].event = b""

    def _set_partial(self, pane: int, key: LineKey, caption: Caption) -> None:
        self._version += 1
        text = "" if caption.final else caption.text
        data = {"pane": pane, "key": key, "text": text, "committed": caption.committed}
        self._partials[pane] = Partial(self._version, key, _event("partial", data))


def cursor_text(keys: Iterable[LineKey]) -> str:
    return ",".join(f"{key.session_number}.{key.caption}" for key in keys)


def parse_cursor(text: str | None) -> list[LineKey] | None:
    """Returns the last key of each pane; None if the text is not a cursor."""
    if not text or not CURSOR.fullmatch(text):
        return None
    keys = [LineKey(*map(int, part.split("."))) for part in text.split(",")]
    return keys if len(keys) == MAX_PANES else None


def _event(name: str, data: dict[str, Any], event_id: str = "") -> bytes:
    """Encodes a server-sent event; JSON has no line breaks of its own."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\ndata: {json_text(data, ensure_ascii=False)}\n\n".encode()
