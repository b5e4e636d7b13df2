"""The Gradio theme of the page, light and dark, with system fonts only."""

from pathlib import Path

import gradio as gr
from gradio.themes import Color

TEAL = Color(
    c50="#effaf8",
    c100="#d5f1ec",
    c200="#aee3da",
    c300="#7accc0",
    c400="#43aea0",
    c500="#1f8f82",
    c600="#137468",
    c700="#115d54",
    c800="#124a44",
    c900="#123e39",
    c950="#062522",
)
STONE = Color(
    c50="#faf9f7",
    c100="#f3f1ed",
    c200="#e6e3dd",
    c300="#d3cfc7",
    c400="#a29d93",
    c500="#757067",
    c600="#57534c",
    c700="#413e39",
    c800="#292724",
    c900="#1c1b19",
    c950="#131211",
)
SANS_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "DejaVu Sans", "sans-serif")
MONO_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")

FOLDER = Path(__file__).parents[1]
PAGE_STYLE = FOLDER / "app" / "style.css"
TAB_STYLES = [file for file in sorted(FOLDER.rglob("*.css")) if file != PAGE_STYLE]
STYLES = [PAGE_STYLE, *TAB_STYLES]

# Theme variables. "*name" refers to another variable.
PAGE = {
    "body_background_fill": "*neutral_50",
    "body_background_fill_dark": "*neutral_950",
    "body_text_color": "*neutral_900",
    "body_text_color_dark": "*neutral_100",
    "body_text_color_subdued": "*neutral_500",
    "body_text_color_subdued_dark": "*neutral_400",
}
BLOCKS = {
    "block_background_fill": "white",
    "block_background_fill_dark": "*neutral_900",
    "block_border_width": "1px",
    "block_border_color": "*neutral_200",
    "block_border_color_dark": "*neutral_800",
    "block_label_background_fill": "transparent",
    "block_label_background_fill_dark": "transparent",
    "block_label_border_width": "0px",
    "block_label_text_color": "*neutral_600",
    "block_label_text_color_dark": "*neutral_400",
    "block_shadow": "none",
}
INPUTS = {
    "input_background_fill": "white",
    "input_background_fill_dark": "*neutral_900",
    "input_border_color": "*neutral_300",
    "input_border_color_dark": "*neutral_700",
    "input_border_width": "1px",
}
BUTTONS = {
    "button_large_text_weight": "550",
    "button_large_text_size": "*text_md",
    "button_large_padding": "*spacing_md calc(2 * *spacing_lg)",
    "button_secondary_background_fill": "white",
    "button_secondary_background_fill_dark": "*neutral_900",
    "button_secondary_background_fill_hover": "*neutral_100",
    "button_secondary_background_fill_hover_dark": "*neutral_800",
    "button_secondary_border_color": "*neutral_300",
    "button_secondary_border_color_dark": "*neutral_700",
    "button_border_width": "1px",
    "button_primary_background_fill": "*primary_600",
    "button_primary_background_fill_hover": "*primary_700",
    "button_primary_background_fill_dark": "*primary_600",
    "button_primary_background_fill_hover_dark": "*primary_500",
    "button_primary_text_color": "white",
    "button_primary_text_color_dark": "white",
}
CHECKBOXES = {
    "checkbox_label_background_fill": "transparent",
    "checkbox_label_background_fill_dark": "transparent",
    "checkbox_label_background_fill_hover": "*neutral_100",
    "checkbox_label_background_fill_hover_dark": "*neutral_800",
    "checkbox_label_border_color": "*neutral_300",
    "checkbox_label_border_color_dark": "*neutral_700",
    "checkbox_label_border_width": "1px",
}


def theme() -> gr.themes.Base:
    """The theme in teal and stone."""
    base = gr.themes.Base(
        primary_hue=TEAL,
        secondary_hue=TEAL,
        neutral_hue=STONE,
        font=SANS_FONTS,
        font_mono=MONO_FONTS,
        text_size="md",
        radius_size="md",
        spacing_size="md",
    )
    return base.set(**PAGE, **BLOCKS, **INPUTS, **BUTTONS, **CHECKBOXES)
