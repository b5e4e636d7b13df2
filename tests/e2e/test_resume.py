"""A reload, a crash of the browser or a discarded tab loses neither lines nor the sentence that is being spoken."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from qal.api.users import make_account, write_accounts
from qal.text.normalisation.basic import normalise_basic
from tests.e2e.conftest import CHROMIUM, FLAGS, TIMEOUT_MS
from tests.e2e.live_page import assert_transcribed, start, stop_and_read_captions
from tests.waiting import wait_until

BADGE, FINAL, TENTATIVE = ".qal-live .qal-badge", ".qal-live .final", ".qal-live .tentative"


@pytest.fixture
def address(module_servers) -> str:
    return module_servers.shared("app_streaming.py")


def caption_file(page: Page, wav: Path) -> list[str]:
    """Captions a file to its end. Returns all final lines of the page."""
    page.get_by_label("Source").select_option("file")
    with page.expect_file_chooser() as chooser:
        start(page)
    chooser.value.set_files(wav)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    return texts(page)


def texts(page: Page) -> list[str]:
    return page.locator(f"{FINAL} span").all_inner_texts()


def open_recent(page: Page) -> None:
    page.locator(".qal-live .recent").evaluate("(node) => { node.open = false; node.open = true; }")


@pytest.mark.long
def test_stopped_session_is_shown_again_after_a_reload_with_its_corrections(address, browse, speech, tmp_path):
    page = browse(address)
    caption_file(page, speech.path)
    page.locator(f"{FINAL} span").nth(1).click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("Corrected by hand")
    page.keyboard.press("Enter")
    expect(page.locator(f"{FINAL}.edited")).to_have_count(1)
    before = texts(page)
    page.reload()
    expect(page.locator(FINAL)).to_have_count(len(before))
    assert texts(page) == before
    assert before[1] == "Corrected by hand"
    page.locator(f"{FINAL} span").first.fill("Not this")
    page.keyboard.press("Escape")
    assert texts(page) == before
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()


@pytest.mark.long
def test_start_after_a_reload_continues_the_session_and_its_times(address, browse, speech, module_servers):
    page = browse(address)
    first = caption_file(page, speech.path)
    sessions = len(list((module_servers.folder / "live").iterdir()))
    page.reload()
    expect(page.locator(FINAL)).to_have_count(len(first))
    both = caption_file(page, speech.path)
    assert both[: len(first)] == first
    assert_transcribed(both[len(first) :], speech.text)
    times = page.locator(f"{FINAL} time").all_inner_texts()
    assert times == sorted(times)
    assert len(list((module_servers.folder / "live").iterdir())) == sessions
    page.reload()
    expect(page.locator(FINAL)).to_have_count(len(both))


def test_reload_in_mid_sentence_keeps_the_lines_and_the_sentence(address, browse, speech):
    """The file of the microphone begins anew with the page."""
    page = browse(address, microphone=speech.path)
    page.get_by_label("Language", exact=True).click()
    page.get_by_role("option", name="English", exact=True).click()
    start(page)
    expect(page.locator(FINAL)).to_have_count(1)
    expect(page.locator(TENTATIVE)).to_be_visible()
    page.wait_for_timeout(1000)
    first = texts(page)
    (spoken, *_) = normalise_basic(page.locator(f"{TENTATIVE} span").inner_text()).split()
    page.reload()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()  # it goes on by itself
    expect(page.get_by_label("Language", exact=True)).to_have_value("English")
    page.wait_for_timeout(1000 * speech.duration_s)
    captions = stop_and_read_captions(page)
    assert captions[: len(first)] == first
    cut, *after = captions[len(first) :]
    assert spoken in normalise_basic(cut).split()
    assert_transcribed(after, speech.text)


@pytest.mark.long
def test_without_permission_a_reloaded_page_finishes_the_sentence_and_asks_to_continue(address, browse, speech):
    page = browse(address, microphone=speech.path)
    start(page)
    expect(page.locator(TENTATIVE)).to_be_visible()
    page.wait_for_timeout(1000)
    page.add_init_script("navigator.permissions.query = () => Promise.resolve({ state: 'prompt' });")
    page.reload()
    expect(page.locator(".qal-remark")).to_contain_text("Press Continue")
    expect(page.locator(BADGE)).to_have_text("Stopped")
    first = texts(page)
    assert first
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.locator(".qal-remark")).to_be_hidden()
    page.wait_for_timeout(1000 * speech.duration_s)
    captions = stop_and_read_captions(page)
    assert captions[: len(first)] == first
    assert_transcribed(captions[len(first) :], speech.text)


@pytest.fixture
def open_profile(playwright, tmp_path) -> Iterator[Callable[[], tuple[BrowserContext, Page]]]:
    """open_profile() starts a browser with a profile on disk; its microphone speaks `speech.wav`."""
    contexts: list[BrowserContext] = []

    def start_browser() -> tuple[BrowserContext, Page]:
        flag = f"--use-file-for-fake-audio-capture={tmp_path / 'speech.wav'}%noloop"
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, args=[*FLAGS, flag], permissions=["microphone"]
        )
        contexts.append(context)
        page = context.pages[0]
        page.set_default_timeout(TIMEOUT_MS)
        return context, page

    yield start_browser
    for context in contexts:
        context.close()


@pytest.mark.long
def test_killed_browser_shows_the_session_when_it_is_opened_anew_and_goes_on(address, open_profile, speech, tmp_path):
    context, page = open_profile()
    page.goto(address)
    start(page)
    expect(page.locator(FINAL)).to_have_count(1)
    expect(page.locator(TENTATIVE)).to_be_visible()
    page.wait_for_timeout(6000)  # browsers write their storage with a delay
    before = texts(page)
    shutil.copytree(tmp_path / "profile", tmp_path / "killed", ignore=shutil.ignore_patterns("Singleton*"))
    context.close()
    shutil.rmtree(tmp_path / "profile")
    (tmp_path / "killed").rename(tmp_path / "profile")  # as a kill would have left it

    _, page = open_profile()
    page.goto(address)
    expect(page.locator(".qal-remark")).to_contain_text("Press Continue")
    expect(page.locator(FINAL).nth(len(before) - 1)).to_be_visible()
    expect(page.locator(BADGE)).to_have_text("Stopped")
    shown = texts(page)
    assert shown[: len(before)] == before
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.locator(FINAL).nth(len(shown))).to_be_visible()
    assert stop_and_read_captions(page)[: len(shown)] == shown


@pytest.mark.long
def test_recent_sessions_are_opened_deleted_and_not_shown_to_another_browser(address, browse, speech, module_servers):
    page = browse(address)
    first = caption_file(page, speech.path)
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator(".qal-live .empty").first).to_be_visible()
    open_recent(page)
    rows = page.locator(".qal-live .recent li")
    expect(rows).to_have_count(1)
    rows.first.get_by_role("button", name="Open").click()
    expect(page.locator(FINAL)).to_have_count(len(first))
    assert texts(page) == first
    with page.expect_download() as download:
        page.get_by_label("Download").select_option("txt")
    assert all(text in download.value.path().read_text("utf-8") for text in first)

    other = browse(address)
    open_recent(other)
    expect(other.locator(".qal-live .recent .empty")).to_be_visible()

    folders = len(list((module_servers.folder / "live").iterdir()))
    rows.first.get_by_role("button", name="Delete").click()
    rows.first.get_by_role("button", name="Really delete?").click()
    expect(rows).to_have_count(0)
    expect(page.locator(".qal-live .empty").first).to_be_visible()
    wait_until(lambda: len(list((module_servers.folder / "live").iterdir())) == folders - 1)
    assert page.evaluate("localStorage.getItem('qal-live-sessions')") == "[]"


@pytest.mark.long
def test_last_line_that_was_corrected_to_nothing_does_not_come_back(address, browse, speech):
    page = browse(address)
    first = caption_file(page, speech.path)
    page.locator(f"{FINAL} span").last.fill("")
    with page.expect_response("**/qal/sessions/edit"):
        page.keyboard.press("Enter")
    page.reload()
    expect(page.locator(FINAL)).to_have_count(len(first) - 1)
    both = caption_file(page, speech.path)
    assert both[: len(first) - 1] == first[:-1]
    assert both.count(first[-1]) == 1  # what was said now


def test_second_tab_begins_a_session_of_its_own(address, browse, speech):
    page = browse(address, microphone=speech.path)
    start(page)
    expect(page.locator(FINAL)).to_have_count(1)
    second = page.context.new_page()
    second.goto(address)
    expect(second.locator(".qal-live .empty").first).to_be_visible()
    second.wait_for_timeout(1000)
    assert not second.locator(FINAL).count()
    assert second.locator(".qal-remark").is_hidden()


def test_clear_while_captioning_begins_a_new_session(address, browse, speech, module_servers):
    page = browse(address, microphone=speech.path)
    start(page)
    expect(page.locator(FINAL)).to_have_count(1)
    (first,) = texts(page)
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator(FINAL)).to_have_count(1)
    assert first not in stop_and_read_captions(page)
    open_recent(page)
    expect(page.locator(".qal-live .recent li")).to_have_count(2)
    expect(page.locator(".qal-live .recent li").last).to_contain_text(first[:40])


@pytest.mark.long
def test_both_panes_come_back_after_a_reload(address, browse, speech):
    page = browse(address)
    page.get_by_label("Compare with").click()
    page.get_by_role("option", name="English translation (same model)").click()
    expect(page.locator(".qal-lanes h3").last).to_contain_text("English translation")
    page.get_by_label("Source").select_option("file")
    with page.expect_file_chooser() as chooser:
        start(page)
    chooser.value.set_files(speech.path)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    panes = page.locator(".qal-live .lane")
    before = [pane.locator(".final span").all_inner_texts() for pane in panes.all()]
    assert all(before)
    page.reload()
    for place, lines in enumerate(before):
        expect(panes.nth(place).locator(".final")).to_have_count(len(lines))
    assert [pane.locator(".final span").all_inner_texts() for pane in panes.all()] == before
    open_recent(page)
    expect(page.locator(".qal-live .recent li")).to_have_count(1)  # both are one session for the reader
    expect(page.locator(".qal-live .recent li")).to_contain_text("(English)")


@pytest.mark.long
def test_session_of_another_user_is_neither_shown_nor_continued(module_servers, browse, speech, tmp_path):
    """Two users of one browser: the ids of the first one's sessions are still in its storage."""
    users = tmp_path / "users.json"
    write_accounts(users, {name: make_account(f"password of {name}", False) for name in ("anna", "bekele")})
    address = module_servers("app_streaming.py", "--users", str(users))

    def log_in(page: Page, name: str) -> None:
        page.get_by_label("username").fill(name)
        page.get_by_label("password").fill(f"password of {name}")
        page.get_by_role("button", name="Login").click()
        expect(page.locator(".qal-live")).to_be_visible()

    page = browse(address)
    log_in(page, "anna")
    caption_file(page, speech.path)
    open_recent(page)
    expect(page.locator(".qal-live .recent li")).to_have_count(1)
    page.context.clear_cookies()
    page.reload()
    log_in(page, "bekele")
    expect(page.locator(".qal-live .empty").first).to_be_visible()
    open_recent(page)
    expect(page.locator(".qal-live .recent .empty")).to_be_visible()
    assert not page.locator(FINAL).count()
