"""The Train tab in a browser, for several test modules."""

from playwright.sync_api import Page

POINT_COUNT_JS = """(name) => [...document.querySelectorAll(".js-plotly-plot")].flatMap(plot => plot.data ?? [])
    .filter(trace => trace.name === name).map(trace => trace.x.length)[0] ?? 0"""


def open_train(page: Page, inner: str = "Run") -> None:
    """Opens an inner tab of Train."""
    page.get_by_role("tab", name="Train", exact=True).click()
    page.get_by_role("tab", name=inner, exact=True).click()


def wait_for_points(page: Page, trace: str, count: int) -> None:
    """Waits until a trace of a chart has `count` points."""
    page.wait_for_function(f"([name, count]) => ({POINT_COUNT_JS})(name) === count", arg=[trace, count])
