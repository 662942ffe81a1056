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
}
"""How a page is looked at, as options of the browser."""
_SETTLED = """() => {
  const roots = [document, ...[...document.querySelectorAll('*')].map((each) => each.shadowRoot)].filter(Boolean);
  return Promise.allSettled(roots.flatMap((root) => root.getAnimations()).map((each) => each.finished));
}"""


def violations(page: Page) -> list[str]:
    """Return what breaks a rule on the page as it is now, shadow roots included."""
    # Half-way through a transition, colours are neither those of before nor those of after.
    page.evaluate(_SETTLED)
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]
