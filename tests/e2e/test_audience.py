"""The audience's page and the overlay in a real browser, and the whole way from a microphone to a viewer."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from qal.api.audience.hub import AudienceHub
from qal.api.audience.routes import PREFIX
from qal.captions.audience_link import PaneSource
from qal.captions.record import make_private
from tests.api.audience.server import Speaker
from tests.api.audience.server import serve as serve_audience
from tests.e2e.live_page import assert_transcribed, start, stop_and_read_captions
from tests.e2e.test_look import AXE_RULES, PHONE
from tests.e2e.test_proxy import log_in
from tests.e2e.tls_proxy import tls_proxy, under_path
from tests.waiting import wait_until

LINES = ["ጤና ይስጥልኝ፣ እንኳን ደህና መጣችሁ።", "Welcome to the meeting.", "مرحبا بكم <b>جميعا</b>", "A" * 200]


class Talk(NamedTuple):
    """A session with a link on a running server."""

    hub: AudienceHub
    speaker: Speaker
    link: str


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    make_private(tmp_path / "live")
    hub = AudienceHub(tmp_path / "live")
    speaker = Speaker(tmp_path / "live", hub)
    token = hub.links.switch_on([PaneSource(session=speaker.session)]).token
    with serve_audience(hub) as address:
        yield Talk(hub, speaker, f"{address}{PREFIX}{token}")


def shown_lines(page: Page, pane: int = 0) -> list[str]:
    return page.locator(".pane").nth(pane).locator(".lines p").all_inner_texts()


def test_viewer_reads_final_and_partial_captions_as_plain_text(talk: Talk, browse):
    for line in LINES:
        talk.speaker.say(line)
    page = browse(talk.link, permissions=())
    expect(page.locator("#status")).to_have_text("Live")
    assert shown_lines(page) == LINES
    assert page.locator(".lines b").count() == 0
    talk.speaker.begin("and n")
    expect(page.locator(".pane .partial").first).to_have_text("and n")
    talk.speaker.say("And now.")
    expect(page.locator(".lines p").last).to_have_text("And now.")
    expect(page.locator(".pane .partial").first).to_have_text("")
    assert page.locator(".lines p").first.get_attribute("lang") == "en"
    assert page.locator(".lines").first.get_attribute("aria-live") == "polite"


def test_viewer_misses_and_doubles_no_line_when_the_server_restarts(tmp_path: Path, browse):
    make_private(tmp_path / "live")
    hub = AudienceHub(tmp_path / "live")
    speaker = Speaker(tmp_path / "live", hub)
    token = hub.links.switch_on([PaneSource(session=speaker.session)]).token
    with serve_audience(hub) as address:
        page = browse(f"{address}{PREFIX}{token}", permissions=())
        speaker.say("one")
        expect(page.locator(".lines p")).to_have_text(["one"])
        page.evaluate("window.isSamePage = true")
    expect(page.locator("#status")).to_have_text("Connection lost. Reconnecting…")
    speaker.say("two")
    hub = AudienceHub(tmp_path / "live")
    with serve_audience(hub, urlsplit(address).port or 0):
        expect(page.locator(".lines p")).to_have_text(["one", "two"])
        expect(page.locator("#status")).to_have_text("Waiting for the speaker…")
        hub.session_opened(speaker.session)
        speaker._send = hub.tee(speaker.session, speaker.seen.append)
        speaker.say("three")
        expect(page.locator(".lines p")).to_have_text(["one", "two", "three"])
    assert page.evaluate("window.isSamePage")


def test_end_and_revocation_are_shown_in_the_language_of_the_viewer(talk: Talk, browse):
    page = browse(talk.link, permissions=())
    talk.speaker.say("Hello.")
    expect(page.locator(".lines p")).to_have_text(["Hello."])
    page.locator("#settings-button").click()
    page.locator("#language").select_option("am")
    assert page.evaluate("document.documentElement.lang") == "am"
    talk.speaker.stop()
    expect(page.locator("#status")).to_have_text("ዝግጅቱ አብቅቷል።")
    page.locator("#language").select_option("ar")
    assert page.evaluate("document.documentElement.dir") == "rtl"
    page.locator("#language").select_option("en")
    talk.hub.links.switch_off(talk.speaker.session)
    expect(page.locator("#status")).to_have_text("This link is no longer valid.")
    page.reload()
    expect(page.locator("#status")).to_have_text("This link is no longer valid.")
    assert shown_lines(page) == []


def test_browser_language_chooses_the_texts(talk: Talk, browser):
    context = browser.new_context(locale="am-ET")
    page = context.new_page()
    page.goto(talk.link)
    expect(page.locator("#settings-button")).to_have_text("ቅንብሮች")
    assert page.title() == "የጽሑፍ መግለጫ"
    context.close()


def test_text_size_and_contrast_are_kept_in_the_browser(talk: Talk, browse):
    page = browse(talk.link, permissions=())
    page.locator("#settings-button").click()
    before = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.pane')).fontSize)")
    page.locator("#larger").click()
    page.locator("#contrast").check()
    page.reload()
    expect(page.locator("#status")).to_have_text("Live")
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.pane')).fontSize)") > before
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(0, 0, 0)"


def test_viewer_of_two_captions_chooses_one_or_both(talk: Talk, browse, tmp_path: Path):
    second = Speaker(tmp_path / "live", talk.hub)
    labels = {"Amharic": talk.speaker, "English": second}
    sources = [PaneSource(session=speaker.session, label=label) for label, speaker in labels.items()]
    page = browse(talk.link, permissions=())
    expect(page.locator("#status")).to_have_text("Live")
    page.locator("#settings-button").click()
    expect(page.locator("#show")).to_be_hidden()
    talk.hub.links.switch_on(sources)
    talk.speaker.say(LINES[0])
    second.say(LINES[1])
    expect(page.locator(".pane").nth(1).locator(".lines p")).to_have_text([LINES[1]])
    expect(page.locator(".pane h2")).to_have_text(["Amharic", "English"])
    page.locator("#show").select_option("English")
    expect(page.locator(".pane").first).to_be_hidden()
    page.reload()
    expect(page.locator(".pane").nth(1)).to_be_visible()
    expect(page.locator(".pane").first).to_be_hidden()
    talk.hub.links.switch_on(sources[:1])
    expect(page.locator(".pane").first).to_be_visible()
    expect(page.locator(".pane").nth(1)).to_be_hidden()


def test_new_lines_are_scrolled_to_unless_the_viewer_reads_above(talk: Talk, browse):
    for i in range(60):
        talk.speaker.say(f"Line {i}")
    page = browse(talk.link, permissions=())
    expect(page.locator(".lines p").last).to_be_in_viewport()
    talk.speaker.say("Newest")
    expect(page.get_by_text("Newest", exact=True)).to_be_in_viewport()
    page.locator(".pane").first.evaluate("(pane) => { pane.scrollTop = 0; }")
    expect(page.locator("#latest")).to_be_visible()
    talk.speaker.say("After that")
    expect(page.get_by_text("After that", exact=True)).to_be_attached()
    assert page.locator(".pane").first.evaluate("(pane) => pane.scrollTop") == 0
    page.locator("#latest").click()
    expect(page.get_by_text("After that", exact=True)).to_be_in_viewport()
    expect(page.locator("#latest")).to_be_hidden()


@pytest.mark.parametrize("position", ["top", "bottom"])
def test_overlay_is_transparent_and_shows_only_the_last_lines(talk: Talk, browse, position: str):
    for line in LINES:
        talk.speaker.say(line)
    talk.speaker.say("The last line.")
    page = browse(f"{talk.link}?overlay=1&lines=1&size=40&position={position}", permissions=())
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(page.get_by_text("The last line.")).to_be_in_viewport()
    for selector in ("html", "body", "main", ".pane", ".lines", ".lines p"):
        background = page.locator(selector).first.evaluate("(e) => getComputedStyle(e).backgroundColor")
        assert background == "rgba(0, 0, 0, 0)", selector
    for selector in ("header", "#settings", "#latest", ".pane h2"):
        expect(page.locator(selector).first).to_be_hidden()
    picture = Image.open(io.BytesIO(page.screenshot(omit_background=True))).convert("RGBA")
    alpha = picture.getchannel("A")
    box = alpha.getbbox()
    assert box
    assert box[3] - box[1] < 80  # one line of 40 pixels
    assert (box[1] > 500) == (position == "bottom")
    assert alpha.getpixel((5, 360)) == 0


@pytest.mark.parametrize(
    "options",
    ["show=2&lines=-1&size=abc&hide=-5&position=x&align=1", "show=&lines=&size=&hide=", "show=<b>&lines=1e99&size=NaN"],
)
def test_overlay_shows_captions_in_the_usual_way_where_an_option_is_not_valid(
    talk: Talk, browse, tmp_path, options: str
):
    second = Speaker(tmp_path / "live", talk.hub)
    talk.hub.links.switch_on([PaneSource(session=s.session) for s in (talk.speaker, second)])
    talk.speaker.say("One.")
    second.say("Two.")
    page = browse(f"{talk.link}?overlay=1&{options}", permissions=())
    for text in ("One.", "Two."):
        expect(page.get_by_text(text)).to_be_in_viewport()
    assert page.get_by_text("One.").evaluate("(e) => getComputedStyle(e).fontSize") == "42px"
    page.wait_for_timeout(500)
    expect(page.locator(".pane.quiet")).to_have_count(0)


def test_choice_of_a_column_is_the_viewers_also_on_a_page_with_options(talk: Talk, browse, tmp_path):
    second = Speaker(tmp_path / "live", talk.hub)
    talk.hub.links.switch_on([PaneSource(session=s.session) for s in (talk.speaker, second)])
    page = browse(f"{talk.link}?show=0", permissions=())
    page.locator("#settings-button").click()
    page.locator("#show").select_option("1")
    expect(page.locator(".pane").nth(1)).to_be_visible()
    expect(page.locator(".pane").nth(0)).to_be_hidden()


def test_overlay_says_nothing_about_the_connection(talk: Talk, browse):
    page = browse(f"{talk.link}?overlay=1", permissions=())
    talk.speaker.say("Hello.")
    expect(page.get_by_text("Hello.")).to_be_visible()
    talk.hub.links.switch_off(talk.speaker.session)
    page.wait_for_function("connection === 'revoked'")
    expect(page.locator("#status")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible_and_fits_a_phone(talk: Talk, browse, tmp_path: Path, scheme: str):
    second = Speaker(tmp_path / "live", talk.hub)
    talk.hub.links.switch_on([PaneSource(session=s.session, label="x" * 90) for s in (talk.speaker, second)])
    for line in LINES:
        talk.speaker.say(line)
        second.say(line)
    page = browse(talk.link, permissions=())
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(PHONE)
    expect(page.locator("#status")).to_have_text("Live")
    page.locator("#settings-button").click()
    for contrast in (False, True):
        page.locator("#contrast").set_checked(contrast)
        violations = Axe().run(page, options={"runOnly": AXE_RULES}).response["violations"]
        assert not [(v["id"], [node["target"] for node in v["nodes"]][:4]) for v in violations]
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.long
def test_microphone_reaches_a_viewer_without_a_login_behind_a_proxy(serve, browse, speech, base_directory):
    wav, reference, duration_s = speech
    server = serve("app_streaming.py", "--auth", "anna:secret", "--public-host", "behind", "--root_path", "/qal-demo")
    with tls_proxy(server, under_path("/qal-demo")) as site:
        page = browse(f"{site}/qal-demo/", microphone=wav)
        log_in(page, "secret")
        page.get_by_role("button", name="Audience link").click()
        page.get_by_role("button", name="Create link").click()  # before the recording
        link = page.get_by_label("Link", exact=True)
        expect(link).to_have_value(re.compile(re.escape(f"{site}/qal-demo{PREFIX}")))
        address = link.input_value()
        viewer = browse(address, permissions=())
        expect(viewer.locator("#status")).to_have_text("Waiting for the speaker…")
        start(page)
        expect(viewer.locator("#status")).to_have_text("Live")
        expect(viewer.locator(".partial b, .lines p").first).to_be_attached()
        expect(page.locator(".qal-audience .viewers")).to_have_text("1 viewer")
        page.wait_for_timeout(1000 * duration_s)
        captions = stop_and_read_captions(page)
        assert_transcribed(captions, reference)
        expect(viewer.locator("#status")).to_have_text("The session has ended.")
        wait_until(lambda: shown_lines(viewer) == captions)
        assert not [cookie for cookie in viewer.context.cookies() if "access-token" in str(cookie)]
        page.reload()
        expect(page.get_by_role("button", name="Audience link · 1")).to_be_visible()
        page.get_by_role("button", name="Audience link").click()
        page.get_by_role("button", name="Revoke link").click()
        expect(viewer.locator("#status")).to_have_text("This link is no longer valid.")
        expect(page.get_by_role("button", name="Create link")).to_be_visible()
