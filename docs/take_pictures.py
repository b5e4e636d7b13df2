"""Takes the pictures of docs/screenshots in headless Chromium: python docs/take_pictures.py FOLDER

FOLDER holds data/asterisk-en, data/asterisk-ru, runs/ with at least two finished runs, as `qal demo` and
`qal train --config configs/quick.yaml` leave them, and evaluations/ of two models on asterisk-ru, as
`qal evaluate compare base base-adaptive --on data/asterisk-ru` leaves them. Needs the developers' tools and Chromium
(`make test`)."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from benchmarks.browser import PATIENCE_MS, served
from qal.corpus.manifest import read_corpus
from tests.e2e.conftest import FLAGS
from tests.e2e.live_page import start, write_speech

SCREENSHOTS = Path(__file__).parent / "screenshots"
DESKTOP, PHONE = (1280, 860), (390, 844)
LOOKS = {"light": ("light", DESKTOP), "dark": ("dark", DESKTOP), "phone": ("light", PHONE)}
UTTERANCES = 4


def tab(page: Page, *names: str) -> None:
    """Opens a tab, and one inside it. On a phone the last tabs are in an overflow menu."""
    for depth, name in enumerate(names):
        entry = page.get_by_role("tab", name=name, exact=True)
        if not entry.is_visible():
            page.locator(".overflow-menu > button:visible").nth(depth).click()
            entry = page.locator(".overflow-dropdown:visible").get_by_role("button", name=name, exact=True)
        entry.click()


def live(page: Page, folder: Path) -> None:
    start(page)
    page.wait_for_function(f"document.querySelectorAll('.qal-live .final').length >= {UTTERANCES}")


def data(page: Page, folder: Path) -> None:
    tab(page, "Data")
    page.get_by_label("Dataset", exact=True).locator("visible=true").first.click()
    page.get_by_role("option", name="asterisk-ru").click()
    page.locator("tr[data-row] button").nth(2).click()
    expect(page.get_by_role("button", name="Play", exact=True).first).to_be_visible()


def new_run(page: Page, folder: Path) -> None:
    tab(page, "Train", "New run")
    expect(page.get_by_role("button", name="Start", exact=True).last).to_be_visible()


def run(page: Page, folder: Path) -> None:
    tab(page, "Train", "Run")
    page.locator(".js-plotly-plot .trace").first.wait_for()


def compare(page: Page, folder: Path) -> None:
    tab(page, "Train", "Compare")
    boxes = page.get_by_role("checkbox", name="compare ")
    boxes.first.wait_for()
    for position in range(2):
        if boxes.nth(position).get_attribute("aria-checked") == "false":
            boxes.nth(position).click()
    page.locator(".js-plotly-plot:visible .trace").first.wait_for()


def evaluate(page: Page, folder: Path) -> None:
    tab(page, "Evaluate")
    page.locator(".qal-score .rate").wait_for()
    page.locator(".qal-samples article:visible").first.wait_for()


def blind_test(page: Page, folder: Path) -> None:
    tab(page, "Evaluate", "Blind test")
    page.get_by_label("Your name").fill("Anna")
    page.get_by_label("Your name").press("Enter")
    page.get_by_text("Example 1 of").wait_for()


def models(page: Page, folder: Path) -> None:
    tab(page, "Models")
    page.locator(".qal-models").get_by_role("button").first.wait_for()


def transcribe(page: Page, folder: Path) -> None:
    tab(page, "Transcribe")
    button = page.get_by_role("button", name="Transcribe", exact=True)
    panel = page.get_by_role("tabpanel").filter(has=button)
    panel.locator(".qal-drop input[type=file]").set_input_files(folder / "x.wav")
    panel.get_by_text("x.wav").first.wait_for()
    button.click()
    page.locator(".qal-result .qal-sound:not(.is-empty)").wait_for()


def system(page: Page, folder: Path) -> None:
    tab(page, "System")
    page.get_by_text("All checks passed").or_(page.get_by_text("Warning")).first.wait_for()


PAGES: dict[str, Callable[[Page, Path], None]] = {
    f.__name__.replace("_", "-"): f
    for f in (live, data, new_run, run, compare, evaluate, blind_test, models, transcribe, system)
}


def take(browser: Browser, address: str, name: str, look: str, folder: Path) -> None:
    """Writes one picture."""
    color_scheme, (width, height) = LOOKS[look]
    context = browser.new_context(
        color_scheme="dark" if color_scheme == "dark" else "light",
        viewport={"width": width, "height": height},
        permissions=["microphone"],
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    expect(page.get_by_role("tab", name="Live", exact=True)).to_be_visible()
    PAGES[name](page, folder)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(1500)  # charts and toasts finish their animations
    page.screenshot(path=SCREENSHOTS / f"{name}-{look}.png")
    print(f"{name}-{look}.png", flush=True)
    context.close()


def launch(playwright: Playwright, microphone: Path) -> Browser:
    """Starts Chromium with a file as its microphone."""
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}%noloop"]
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)


def main(source: Path, names: list[str]) -> None:
    folders = [f"--{kind}={source / kind}" for kind in ("runs", "data", "evaluations")]
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        folder = Path(scratch)
        speech = write_speech(folder / "x.wav", read_corpus(source / "data" / "asterisk-en"), UTTERANCES)
        with served("app.py", *folders, f"--live={folder / 'live'}") as (address, _):
            for name in names or PAGES:
                for look in LOOKS:
                    browser = launch(playwright, speech.path)  # the microphone plays its file from the start
                    take(browser, address, name, look, folder)
                    browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
