"""Stops work for a page that was closed, so that its place in the queue is free for another page."""

import gradio as gr
from gradio.context import LocalContext


class PageClosedError(gr.Error):
    """The page that started the running handler is no longer connected. No page shows this error."""

    def __init__(self):
        super().__init__("the page was closed", print_exception=False)


def require_open_page() -> None:
    """Raises PageClosedError if the page of the running handler was closed. Long handlers call it between two steps.

    Gradio keeps a handler running after its page is gone; it only records in the queue that no page waits for it."""
    blocks, event_id = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    if blocks is None or event_id is None:  # called outside of a page, as by a test
        return
    running = [event for job in blocks._queue.active_jobs if job for event in job]
    if any(event._id == event_id and not event.alive for event in running):
        raise PageClosedError
