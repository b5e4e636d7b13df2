"""The link for the audience as it is stored with a session."""

import stat
from pathlib import Path

import pytest

from qal.captions.audience_link import (
    AUDIENCE_FILE,
    MAX_SESSIONS,
    TOKEN,
    PaneSource,
    delete_link,
    find_links,
    link_exists,
    new_link,
    read_link,
    write_link,
)
from qal.captions.record import SessionRecord, new_session_id


@pytest.fixture
def session(tmp_path: Path) -> str:
    record = SessionRecord(tmp_path, new_session_id())
    record.create()
    return record.folder.name


def test_token_is_random_and_says_nothing_about_the_session(session: str):
    tokens = [new_link([PaneSource(session=session)]).token for _ in range(100)]
    assert len(set(tokens)) == 100
    assert all(TOKEN.fullmatch(token) and session not in token for token in tokens)


def test_stored_link_is_private_and_found_again(tmp_path: Path, session: str):
    link = new_link([PaneSource(session=session, label="Übersetzung")])
    write_link(tmp_path, link)
    file = tmp_path / session / AUDIENCE_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_link(file.parent) == link
    assert find_links(tmp_path) == [link]
    assert link_exists(tmp_path, link)
    delete_link(tmp_path, session)
    assert find_links(tmp_path) == []
    assert not link_exists(tmp_path, link)


@pytest.mark.parametrize("content", ["", "[]", '{"token": "x"', '{"token": "short", "panes": []}'])
def test_damaged_link_is_no_link(tmp_path: Path, session: str, content: str):
    (tmp_path / session / AUDIENCE_FILE).write_text(content)
    assert read_link(tmp_path / session) is None


def test_link_that_was_copied_into_another_session_is_no_link(tmp_path: Path, session: str):
    link = new_link([PaneSource(session=session)])
    (tmp_path / new_session_id()).mkdir()
    other = next(folder for folder in tmp_path.iterdir() if folder.name != session)
    (other / AUDIENCE_FILE).write_text(link.model_dump_json())
    assert find_links(tmp_path) == []


def test_sessions_of_a_pane_are_numbered_for_good(session: str):
    link = new_link([PaneSource(session=session)])
    ids = [new_session_id() for _ in range(2 * MAX_SESSIONS)]
    for other in ids:
        link = link.with_sources([PaneSource(session=other)])
    numbers = [item.number for item in link.panes[0].sessions]
    assert numbers == list(range(MAX_SESSIONS + 1, 2 * MAX_SESSIONS + 1))
    assert link.owner == ids[-1]
    assert link.with_sources([PaneSource(session=ids[-1])]) == link


def test_second_pane_can_be_shown_and_hidden_again(session: str):
    link = new_link([PaneSource(session=session)])
    second = PaneSource(session=new_session_id(), label="Translation")
    both = link.with_sources([PaneSource(session=session), second])
    assert (both.shown, [pane.label for pane in both.panes]) == (2, ["", "Translation"])
    assert both.with_sources([PaneSource(session=session)]).shown == 1
