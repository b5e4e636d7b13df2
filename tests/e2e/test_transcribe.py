from playwright.sync_api import expect


def test_file_is_transcribed_and_an_unreadable_one_gives_an_error_sentence(
    serve, browse, tmp_path, english_corpus, base_directory
):
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"not audio at all" * 100)
    page = browse(serve("app.py", "--model", "base"))
    page.get_by_role("tab", name="Transcribe").click()
    start = page.get_by_role("button", name="Transcribe", exact=True)

    page.locator("input[type=file]").first.set_input_files(english_corpus.audio_path(row))
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    start.click()
    expect(page.locator(".qal-transcript li").first).to_be_visible()
    text = page.locator(".qal-transcript span").first.inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download SRT").click()
    subtitles = download.value.path().read_text(encoding="utf-8")
    assert all(word in subtitles for word in text.split())
    assert "-->" in subtitles

    page.get_by_label("Clear").last.click()
    page.locator("input[type=file]").first.set_input_files(broken)
    expect(page.locator("audio").first).to_be_attached()
    start.click()
    expect(page.get_by_text("broken.wav: not readable as audio")).to_be_visible()
    expect(page.locator(".qal-transcript li")).to_have_count(0)
