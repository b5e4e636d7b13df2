"""Live captions end to end: real recordings through the browser's microphone, the real page and the real model."""

import json

import numpy as np
import pytest
from playwright.sync_api import expect

from qal.audio.decode import decode
from qal.audio.samples import seconds
from qal.corpus.manifest import read_corpus
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine, Utterance
from tests.e2e.live_page import assert_transcribed, start, stop_and_read_captions, write_speech
from tests.sounds import write_audio


@pytest.mark.parametrize("script", ["app.py", pytest.param("app_streaming.py", marks=pytest.mark.long)])
def test_speech_is_captioned_corrected_downloaded_and_searched(module_servers, browse, speech, script, requested_hosts):
    wav, reference, duration_s = speech
    page = browse(module_servers.shared(script), microphone=wav)
    start(page)
    expect(page.locator(".qal-live .tentative").first).to_be_visible()
    page.wait_for_timeout(1000 * duration_s)
    captions = stop_and_read_captions(page)
    assert_transcribed(captions, reference)
    assert requested_hosts <= {"127.0.0.1", "no host"}  # blob: and data: have none

    page.locator(".qal-live .final span").first.fill("Corrected by hand")
    downloads = {}
    for file_format in ("txt", "srt", "vtt", "json"):
        with page.expect_download() as download:
            page.get_by_label("Download").select_option(file_format)
        downloads[file_format] = download.value.path().read_text(encoding="utf-8")
        assert "Corrected by hand" in downloads[file_format]
        assert all(caption in downloads[file_format] for caption in captions[1:])
    segments = json.loads(downloads["json"])["segments"]
    assert [w["text"] for w in segments[1]["words"]]
    assert downloads["vtt"].startswith("WEBVTT")

    page.get_by_label("Search the captions").fill("by HAND")
    assert page.locator(".qal-live .final:visible").count() == 1
    page.get_by_role("button", name="Clear", exact=True).first.click()
    expect(page.locator(".qal-live .empty").first).to_be_visible()


@pytest.mark.long
def test_line_in_another_language_is_marked(module_servers, browse, russian_corpus, english_corpus, tmp_path):
    russian, english = (
        write_speech(tmp_path / f"{c.rows[0].language}.wav", c, 2) for c in (russian_corpus, english_corpus)
    )
    both = np.concatenate([decode(russian.path), decode(english.path)])
    page = browse(module_servers.shared("app_streaming.py"))
    page.get_by_label("Source").select_option("file")
    with page.expect_file_chooser() as chooser:
        start(page)
    chooser.value.set_files(write_audio(tmp_path / "both.wav", both))
    page.wait_for_timeout(1000 * (seconds(both) + 1))
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    expect(page.locator(".qal-live .final .language")).to_have_text(["English"])
    expect(page.locator(".qal-live .final span").first).to_have_attribute("lang", "ru")
    expect(page.locator(".qal-live .final span").last).to_have_attribute("lang", "en")


@pytest.mark.long
def test_closed_socket_loses_no_speech(module_servers, browse, speech):
    wav, reference, duration_s = speech
    sockets = []

    def connect(socket) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    page = browse(module_servers.shared("app_streaming.py"), microphone=wav, sockets=connect)
    start(page)
    expect(page.locator(".qal-live .tentative").first).to_be_visible()
    for _ in range(3):
        page.wait_for_timeout(2500)
        sockets[-1].close()
    page.wait_for_timeout(1000 * duration_s)
    assert len(sockets) >= 4
    assert_transcribed(stop_and_read_captions(page), reference)


def test_restarted_server_loses_no_speech(serve, browse, speech, tmp_path):
    wav, reference, duration_s = speech
    address = serve("app_streaming.py", "--live", str(tmp_path / "live"))
    page = browse(address, microphone=wav)
    start(page)
    expect(page.locator(".qal-live .tentative").first).to_be_visible()
    serve.stop(kill=True)
    expect(page.locator(".qal-live .qal-badge")).to_contain_text("Reconnecting")
    serve("app_streaming.py", "--live", str(tmp_path / "live"), address=address)
    page.wait_for_timeout(1000 * duration_s)
    assert_transcribed(stop_and_read_captions(page), reference)
    assert len(list((tmp_path / "live").iterdir())) == 1


@pytest.mark.long
def test_four_pages_are_captioned_at_the_same_time(module_servers, browse, speech):
    wav, reference, duration_s = speech
    address = module_servers.shared("app_streaming.py")
    pages = [browse(address, microphone=wav) for _ in range(4)]
    for page in pages:
        start(page)
    pages[0].wait_for_timeout(1000 * (duration_s + 3))
    for page in pages:
        assert_transcribed(stop_and_read_captions(page), reference)


def test_denied_microphone_is_explained(module_servers, browse):
    page = browse(module_servers.shared("app_streaming.py"), permissions=())
    page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError')) }"
    )
    start(page)
    expect(page.locator(".qal-problem")).to_contain_text("denied access")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()


def test_file_is_captioned_as_a_live_source(module_servers, browse, speech):
    wav, reference, duration_s = speech
    page = browse(module_servers.shared("app_streaming.py"))
    page.get_by_label("Source").select_option("file")
    with page.expect_file_chooser() as chooser:
        start(page)
    chooser.value.set_files(wav)
    page.wait_for_timeout(1000 * (duration_s + 1))
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    assert_transcribed(page.locator(".qal-live .final span").all_inner_texts(), reference)


@pytest.mark.long
def test_two_models_caption_the_same_speech_side_by_side(module_servers, browse, speech):
    wav, reference, duration_s = speech
    page = browse(module_servers.shared("app_streaming.py"), microphone=wav)
    page.get_by_label("Compare with").click()
    page.get_by_role("option", name="base", exact=True).click()
    start(page)
    page.wait_for_timeout(1000 * (duration_s + 2))
    stop_and_read_captions(page)
    for pane in page.locator(".qal-live .lane").all():
        assert_transcribed(pane.locator(".final span").all_inner_texts(), reference)


@pytest.mark.long
def test_corrected_line_becomes_a_dataset_example_with_its_audio(serve, browse, speech, tmp_path):
    wav, _, _ = speech
    data = ("--data", str(tmp_path / "data"))
    address = serve("app_streaming.py", *data)
    page = browse(address, microphone=wav)
    expect(page.get_by_label("Dataset for corrections")).to_be_hidden()
    page.get_by_label("Save audio").check()
    page.get_by_label("Dataset for corrections").fill("our-captions")
    start(page)
    expect(page.locator(".qal-live .final")).to_have_count(2)
    captions = stop_and_read_captions(page)
    line = page.locator(".qal-live .final").first
    add = line.get_by_role("button")
    expect(add).to_have_text("Add to dataset")
    add.click()
    expect(add).to_have_text("✓ In dataset")
    line.locator("span").fill("Corrected by hand")
    expect(add).to_have_text("Add to dataset")
    serve.stop(kill=True)
    add.click()
    expect(page.locator(".qal-problem")).to_contain_text("Cannot reach the server")
    serve("app_streaming.py", *data, address=address)
    add.press("Enter")
    expect(add).to_have_text("✓ In dataset")
    corpus = read_corpus(tmp_path / "data/our-captions")
    (example,) = corpus.rows
    assert (example.text, example.language) == ("Corrected by hand", "en")
    engine = Engine(resolve("base"), "cpu")
    (transcript,) = engine.transcribe([Utterance(decode(corpus.audio_path(example)), "en")])
    assert_transcribed([transcript.text], captions[0])

    page.get_by_label("Dataset for corrections").fill("../elsewhere")
    page.locator(".qal-live .final").last.get_by_role("button").click()
    expect(page.locator(".qal-problem")).to_contain_text("letters, digits")
    assert page.locator(".qal-live .added").count() == 1
