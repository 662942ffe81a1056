"""A page held against WCAG 2.2, levels A and AA, by axe."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.chat_page import PHONE

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": PHONE,
    "forced colours": {"forced_colors": "active"},
    "reduced motion": {"reduced_motion": "reduce"},
    "text of 200 %": {},
    "zoom of 200 %": {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2},
}
"""How a page is looked at, as options of the browser; of the text, see `enlarge`."""
_LARGE = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('html { font-size: 200% !important }');
  document.adoptedStyleSheets = [sheet];
}"""
_SETTLED = """() => {
  const roots = [document, ...[...document.querySelectorAll('*')].map((each) => each.shadowRoot)].filter(Boolean);
  return Promise.allSettled(roots.flatMap((root) => root.getAnimations()).map((each) => each.finished));
}"""


def enlarge(page: Page, look: str) -> None:
    """Do to a page what someone does who sets a larger font; no policy forbids it."""
    if look == "text of 200 %":
        page.evaluate(_LARGE)


def violations(page: Page) -> list[str]:
    """Return what breaks a rule on the page as it is now, shadow roots included."""
    # Half-way through a transition, colours are neither those of before nor those of after.
    page.evaluate(_SETTLED)
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]
