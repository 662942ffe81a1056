"""What Gradio is told about appearance. The rest is in ``static/app.css``, which has the palette."""

from __future__ import annotations

import gradio as gr

SANS = ["-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "Liberation Sans", "sans-serif"]
MONO = ["ui-monospace", "Menlo", "monospace"]


def theme() -> gr.themes.Base:
    """Return a theme that takes its colours from the variables of ``app.css`` and fetches no font."""
    return gr.themes.Base(font=SANS, font_mono=MONO).set(
        body_background_fill="var(--paper)",
        body_background_fill_dark="var(--paper)",
        body_text_color="var(--ink)",
        body_text_color_dark="var(--ink)",
        body_text_color_subdued="var(--ink-soft)",
        body_text_color_subdued_dark="var(--ink-soft)",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        border_color_primary="var(--line)",
        border_color_primary_dark="var(--line)",
        color_accent="var(--accent)",
        link_text_color="var(--accent)",
        link_text_color_dark="var(--accent)",
        link_text_color_hover="var(--accent)",
        link_text_color_hover_dark="var(--accent)",
        button_primary_background_fill="var(--accent)",
        button_primary_background_fill_dark="var(--accent)",
        button_primary_text_color="var(--on-accent)",
        button_primary_text_color_dark="var(--on-accent)",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_dark="transparent",
        button_secondary_border_color="var(--line)",
        button_secondary_border_color_dark="var(--line)",
        button_secondary_text_color="var(--ink)",
        button_secondary_text_color_dark="var(--ink)",
        input_background_fill="var(--card)",
        input_background_fill_dark="var(--card)",
        input_border_color="var(--line)",
        input_border_color_dark="var(--line)",
        input_border_color_focus="var(--accent)",
        input_border_color_focus_dark="var(--accent)",
    )
