"""A microphone speaks real held-out recordings into the real page with the real model, whatever happens to the wire."""

import json

import jiwer
import pytest
from playwright.sync_api import expect

from qal.audio.decode import decode
from qal.corpus.manifest import read_corpus
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine, Utterance
from qal.text.normalisation import normalise
from tests.e2e.live_page import assert_heard, finals, start


@pytest.mark.parametrize("script", ["app.py", "app_streaming.py"])
def test_what_is_spoken_is_captioned(lasting, browse, speech, script, asked):
    wav, truth, duration_s = speech
    page = browse(lasting.shared(script), microphone=wav)
    start(page)
    expect(page.locator(".qal-live .tentative").first).to_be_visible()
    page.wait_for_timeout(1000 * duration_s)
    lines = finals(page)
    assert_heard(lines, truth)
    assert asked <= {"127.0.0.1", "no host"}  # blob: and data: have none

    page.locator(".qal-live .final span").first.fill("Corrected by hand")
    saved = {}
    for form in ("txt", "srt", "vtt", "json"):
        with page.expect_download() as download:
            page.get_by_label("Download").select_option(form)
        saved[form] = download.value.path().read_text(encoding="utf-8")
        assert "Corrected by hand" in saved[form]
        assert all(line in saved[form] for line in lines[1:])
    segments = json.loads(saved["json"])["segments"]
    assert [w["text"] for w in segments[1]["words"]]
    assert saved["vtt"].startswith("WEBVTT")

    page.get_by_label("Search the captions").fill("by HAND")
    assert page.locator(".qal-live .final:visible").count() == 1
    page.get_by_role("button", name="Clear", exact=True).first.click()
    expect(page.locator(".qal-live .empty").first).to_be_visible()


def test_a_cut_of_the_socket_loses_nothing(lasting, browse, speech):
    wav, truth, duration_s = speech
    sockets = []

    def watch(socket) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    page = browse(lasting.shared("app_streaming.py"), microphone=wav, sockets=watch)
    start(page)
    expect(page.locator(".qal-live .tentative").first).to_be_visible()
    for _ in range(3):
        page.wait_for_timeout(2500)
        sockets[-1].close()
    page.wait_for_timeout(1000 * duration_s)
    assert len(sockets) >= 4
    assert_heard(finals(page), truth)


def test_a_restarted_server_loses_nothing(serve, browse, speech, tmp_path):
    wav, truth, duration_s = speech
    address = serve("app_streaming.py", "--live", str(tmp_path / "live"))
    page = browse(address, microphone=wav)
    start(page)
    expect(page.locator(".qal-live .tentative").first).to_be_visible()
    serve.stop(kill=True)
    expect(page.locator(".qal-live .qal-badge")).to_contain_text("reconnecting")
    serve("app_streaming.py", "--live", str(tmp_path / "live"), address=address)
    page.wait_for_timeout(1000 * duration_s)
    assert_heard(finals(page), truth)
    assert len(list((tmp_path / "live").iterdir())) == 1


def test_four_pages_are_captioned_at_once(lasting, browse, speech):
    wav, truth, duration_s = speech
    address = lasting.shared("app_streaming.py")
    pages = [browse(address, microphone=wav) for _ in range(4)]
    for page in pages:
        start(page)
    pages[0].wait_for_timeout(1000 * (duration_s + 3))
    for page in pages:
        assert_heard(finals(page), truth)


def test_where_no_socket_opens_the_recorder_is_used(lasting, browse, speech):
    wav, truth, duration_s = speech
    page = browse(lasting.shared("app_streaming.py"), microphone=wav, sockets=lambda socket: socket.close())
    start(page)
    expect(page.locator(".qal-problem")).to_contain_text("no live socket")
    page.get_by_role("button", name="Record").click()
    expect(page.locator(".qal-fallback .tentative").first).to_be_visible()
    page.wait_for_timeout(1000 * duration_s)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".qal-fallback .qal-meter")).to_contain_text("microphone off")
    lines = page.locator(".qal-fallback .final span").all_inner_texts()
    assert lines
    assert normalise(lines[-1]) in normalise(truth) or jiwer.wer(normalise(truth), normalise(" ".join(lines))) < 1


def test_a_refused_microphone_is_explained(lasting, browse):
    page = browse(lasting.shared("app_streaming.py"), permissions=())
    page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError')) }"
    )
    start(page)
    expect(page.locator(".qal-problem")).to_contain_text("did not allow it")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()


def test_a_file_is_played_in_as_if_live(lasting, browse, speech):
    wav, truth, duration_s = speech
    page = browse(lasting.shared("app_streaming.py"))
    page.get_by_label("Source").select_option("file")
    with page.expect_file_chooser() as chooser:
        start(page)
    chooser.value.set_files(wav)
    page.wait_for_timeout(1000 * (duration_s + 1))
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    assert_heard(page.locator(".qal-live .final span").all_inner_texts(), truth)


def test_two_models_hear_the_same_voice_side_by_side(lasting, browse, speech):
    wav, truth, duration_s = speech
    page = browse(lasting.shared("app_streaming.py"), microphone=wav)
    page.get_by_label("Compare with").click()
    page.get_by_role("option", name="base", exact=True).click()
    start(page)
    page.wait_for_timeout(1000 * (duration_s + 2))
    finals(page)
    for lane in page.locator(".qal-live .lane").all():
        assert_heard(lane.locator(".final span").all_inner_texts(), truth)


def test_a_corrected_line_becomes_a_row_with_its_sound(serve, browse, speech, tmp_path):
    wav, _, _ = speech
    data = ("--data", str(tmp_path / "data"))
    address = serve("app_streaming.py", *data)
    page = browse(address, microphone=wav)
    expect(page.get_by_label("Corpus for corrections")).to_be_hidden()
    page.get_by_label("Keep the sound of this recording").check()
    page.get_by_label("Corpus for corrections").fill("our-captions")
    start(page)
    expect(page.locator(".qal-live .final")).to_have_count(2)
    lines = finals(page)
    line = page.locator(".qal-live .final").first
    add = line.get_by_role("button")
    expect(add).to_have_text("Add to corpus")
    add.click()
    expect(add).to_have_text("✓ In corpus")
    line.locator("span").fill("Corrected by hand")
    expect(add).to_have_text("Add to corpus")
    serve.stop(kill=True)
    add.click()
    expect(page.locator(".qal-problem")).to_contain_text("cannot be reached")
    serve("app_streaming.py", *data, address=address)
    add.press("Enter")
    expect(add).to_have_text("✓ In corpus")
    corpus = read_corpus(tmp_path / "data/our-captions")
    (row,) = corpus.rows
    assert (row.text, row.language) == ("Corrected by hand", "en")
    said = Engine(resolve("base"), "cpu").transcribe([Utterance(decode(corpus.audio_path(row)), "en")])
    assert_heard([said[0].text], lines[0])

    page.get_by_label("Corpus for corrections").fill("../elsewhere")
    page.locator(".qal-live .final").last.get_by_role("button").click()
    expect(page.locator(".qal-problem")).to_contain_text("letters, digits")
    assert page.locator(".qal-live .added").count() == 1
