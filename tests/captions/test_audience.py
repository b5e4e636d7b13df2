"""The common log of the viewers of a link: what a viewer reads early, late, slowly, and after a reconnection."""

import json

import pytest

from qal.captions.audience import LATE_LINES, MAX_LINES, AudienceLog, AudienceState, Reader, parse_cursor
from qal.captions.final_captions import Caption

STATE = AudienceState(live=True, ended=False, panes=("one",))


def final(index: int, text: str = "") -> Caption:
    return Caption(index, float(index), index + 0.5, text or f"line {index}", final=True, language="en")


def partial(index: int, text: str) -> Caption:
    return Caption(index, float(index), index + 0.5, text, final=False, committed=2)


@pytest.fixture
def log() -> AudienceLog:
    """A log with the session "a" in its first pane, which has nothing on disk."""
    log = AudienceLog(STATE)
    log.add_session("a", 0, 0)
    log.load("a", [])
    return log


def events(data: bytes) -> list[tuple[str, dict, str]]:
    """Splits events into names, data and ids."""
    parsed = []
    for block in data.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        parsed.append((fields["event"], json.loads(fields["data"]), fields.get("id", "")))
    return parsed


def read(log: AudienceLog, reader: Reader) -> list[tuple[str, dict, str]]:
    return events(log.read(reader))


def finals(read_events: list[tuple[str, dict, str]]) -> list[str]:
    return [data["text"] for name, data, _ in read_events if name == "final"]


def test_first_event_of_a_viewer_is_the_state(log: AudienceLog):
    log.add("a", [final(0)])
    (name, data, _), *others = read(log, log.reader(None))
    assert (name, data) == ("state", {"live": True, "ended": False, "panes": ["one"]})
    assert finals(others) == ["line 0"]


def test_each_viewer_gets_every_final_once_and_in_order(log: AudienceLog):
    readers = [log.reader(None) for _ in range(3)]
    got: list[list[str]] = [[], [], []]
    for index in range(20):
        log.add("a", [partial(index, "li"), final(index)])
        for i, reader in enumerate(readers):
            if index % (i + 1) == 0:  # the second reads half as often
                got[i] += finals(read(log, reader))
    for i, reader in enumerate(readers):
        got[i] += finals(read(log, reader))
    assert got == [[f"line {i}" for i in range(20)]] * 3


def test_slow_viewer_skips_partial_captions_but_no_final(log: AudienceLog):
    slow = log.reader(None)
    for length in range(5):
        log.add("a", [partial(0, "x" * length)])
    log.add("a", [final(0), partial(1, "last")])
    got = read(log, slow)
    assert [(name, data.get("text")) for name, data, _ in got[1:]] == [("final", "line 0"), ("partial", "last")]


def test_partial_caption_that_became_final_is_not_sent_to_later_viewers(log: AudienceLog):
    log.add("a", [partial(0, "li")])
    log.add("a", [final(0)])
    assert [name for name, _, _ in read(log, log.reader(None))] == ["state", "final"]


def test_final_caption_without_text_removes_the_partial_one(log: AudienceLog):
    reader = log.reader(None)
    log.add("a", [partial(0, "noise")])
    read(log, reader)
    log.add("a", [Caption(0, 0.0, 1.0, "", final=True)])
    ((name, data, _),) = read(log, reader)
    assert (name, data["text"]) == ("partial", "")


@pytest.mark.parametrize("received", [0, 1, 7, 20])
def test_reconnected_viewer_gets_exactly_what_came_after_its_last_event(log: AudienceLog, received: int):
    log.add("a", [final(i) for i in range(20)])
    got = [event for event in read(log, log.reader(None)) if event[0] == "final"][:received]
    cursor = got[-1][2] if got else None
    log.add("a", [final(20)])
    assert finals(got) + finals(read(log, log.reader(cursor))) == [f"line {i}" for i in range(21)]


def test_reconnection_after_a_cut_between_two_panes_misses_no_line(log: AudienceLog):
    log.add_session("b", 1, 0)
    log.load("b", [])
    for index in range(10):
        log.add("b" if index % 3 else "a", [final(index)])
    everything = [event for event in read(log, log.reader(None)) if event[0] == "final"]
    for cut in range(1, 10):
        again = read(log, log.reader(everything[cut - 1][2]))
        assert finals(again) == finals(everything[cut:])


@pytest.mark.parametrize("cursor", ["", "x", "0.5", "0.1,0.2,0.3", "9" * 50, "1.1,\n1.1", "0.١,0.1"])
def test_invalid_cursor_counts_as_none(log: AudienceLog, cursor: str):
    log.add("a", [final(0)])
    assert parse_cursor(cursor) is None
    assert finals(read(log, log.reader(cursor))) == ["line 0"]


def test_late_viewer_gets_the_last_lines_of_each_pane(log: AudienceLog):
    log.add_session("b", 1, 0)
    log.load("b", [final(0, "only one")])
    log.add("a", [final(i) for i in range(LATE_LINES + 50)])
    got = finals(read(log, log.reader(None)))
    assert got == ["only one", *(f"line {i}" for i in range(50, LATE_LINES + 50))]


def test_captions_that_come_while_the_disk_is_read_follow_it_once(log: AudienceLog):
    log.add_session("b", 0, 1)
    log.add("b", [final(1), final(2)])
    assert finals(read(log, log.reader(None))) == []
    log.load("b", [final(0), final(1)])
    assert finals(read(log, log.reader(None))) == ["line 0", "line 1", "line 2"]


def test_next_session_of_a_pane_continues_after_the_last_one(log: AudienceLog):
    reader = log.reader(None)
    log.add("a", [final(7)])
    log.add_session("b", 0, 1)
    log.load("b", [final(0, "new session")])
    got = read(log, reader)
    assert finals(got) == ["line 7", "new session"]
    log.add("b", [final(1)])
    assert finals(read(log, log.reader(got[-1][2]))) == ["line 1"]


def test_sessions_that_the_link_does_not_show_are_not_sent(log: AudienceLog):
    log.add("other", [final(0, "secret")])
    assert finals(read(log, log.reader(None))) == []


def test_log_keeps_a_bounded_number_of_lines_and_readers_their_place(log: AudienceLog):
    early, steady = log.reader(None), log.reader(None)
    got = []
    for index in range(2 * MAX_LINES):
        log.add("a", [final(index)])
        if index % 100 == 0:
            got += finals(read(log, steady))
    got += finals(read(log, steady))
    assert len(log._lines) <= MAX_LINES
    assert got == [f"line {i}" for i in range(2 * MAX_LINES)]
    assert finals(read(log, early))[-1] == f"line {2 * MAX_LINES - 1}"


def test_lines_of_a_deleted_session_are_not_sent_any_more(log: AudienceLog):
    reader = log.reader(None)
    log.add("a", [final(0)])
    log.add_session("b", 0, 1)
    log.load("b", [final(0, "kept")])
    log.forget("a")
    assert finals(read(log, reader)) == ["kept"]
    assert finals(read(log, log.reader(None))) == ["kept"]


def test_end_of_the_speech_is_told_and_ends_the_partial_caption(log: AudienceLog):
    reader = log.reader(None)
    log.add("a", [partial(0, "half")])
    log.set_state(STATE._replace(live=False, ended=True))
    assert [name for name, _, _ in read(log, reader)] == ["state"]
    assert [name for name, _, _ in read(log, log.reader(None))] == ["state"]


def test_revoked_log_gives_nothing_but_that(log: AudienceLog):
    reader = log.reader(None)
    log.add("a", [final(0)])
    log.revoke()
    assert [name for name, _, _ in read(log, reader)] == ["revoked"]
    assert [name for name, _, _ in read(log, log.reader(None))] == ["revoked"]


def test_each_event_is_encoded_once_for_all_viewers(log: AudienceLog):
    readers = [log.reader(None) for _ in range(2)]
    for reader in readers:
        log.read(reader)
    log.add("a", [final(0, "a line\nwith a break and U+2028:\u2028")])
    first, second = (log.read(reader) for reader in readers)
    assert first == second == log._lines[0].event
    assert events(first)[0][1]["text"] == "a line\nwith a break and U+2028:\u2028"
