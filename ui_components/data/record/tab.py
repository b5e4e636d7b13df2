"""The Record page of the Data tab."""

import gradio as gr

from ui_components.data.record.view import record_html, record_script


def record_tab() -> gr.HTML:
    """Lays out the recording. Its event `recorded` comes when the user leaves it, with the name of the dataset."""
    return gr.HTML(record_html(), js_on_load=record_script(), apply_default_css=False)
