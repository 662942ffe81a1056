"""What the widgets of others do to a page and this one does not; ``docs/widgets.md`` has the list."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.widget_page import LEAVE_QUESTION, LEAVE_QUOTE, Site, address, reading, running_site

ROOT = Path(__file__).parent.parent

_PAGE = """() => ({
  sheets: document.styleSheets.length + document.adoptedStyleSheets.length,
  margin: getComputedStyle(document.body).margin,
  overflow: getComputedStyle(document.body).overflow,
  inHead: [...document.head.children].map((each) => each.tagName),
  ids: [...document.querySelectorAll('[id]')].map((each) => each.id),
  globals: Object.keys(window).filter((name) => name !== 'before'),
})"""
"""What a widget could have changed of a page."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("home")) as site:
        yield site


def test_the_page_around_it_is_left_alone(site: Site, browser: Browser) -> None:
    """No style sheet, no id, no overlay outside its own root, and one name in the page's scripts."""
    with reading(browser, address(site.allowed, "plain", "data-auto=false")) as reader:
        before = reader.page.evaluate(_PAGE)
    with reading(browser, address(site.allowed, "plain")) as reader:
        reader.open()
        reader.ask(LEAVE_QUESTION).locator("button.cite").first.click()
        expect(reader.part("mark")).to_have_text(LEAVE_QUOTE)
        after = reader.page.evaluate(_PAGE)
        assert after == before
        assert "RagChat" in reader.page.evaluate("Object.getOwnPropertyNames(window)")
        added = reader.page.evaluate("[...document.body.children].map((each) => each.tagName).slice(-1)")
        assert added == ["RAG-CHAT"]


def test_a_cookie_banner_may_lie_above_it(site: Site, browser: Browser) -> None:
    banner = """() => {
      const banner = Object.assign(document.createElement('div'), { id: 'banner', textContent: 'Cookies?' });
      banner.style.cssText = 'position: fixed; inset: 0; z-index: 100';
      document.body.append(banner);
      const { x, y } = document.querySelector('rag-chat').shadowRoot.querySelector('.launcher').getBoundingClientRect();
      return document.elementFromPoint(x + 10, y + 10).localName;
    }"""
    for attributes, above in (("data-z=99", "div"), ("", "rag-chat")):
        with reading(browser, address(site.allowed, "plain", attributes)) as reader:
            expect(reader.part(".launcher")).to_be_visible()
            assert reader.page.evaluate(banner) == above


def test_it_bears_no_brand_and_no_link_away(site: Site, browser: Browser) -> None:
    with reading(browser, address(site.allowed, "plain")) as reader:
        reader.open()
        reader.ask(LEAVE_QUESTION)
        root = reader.chat.evaluate("chat => chat.shadowRoot.querySelector('.root').innerText")
        links = reader.chat.evaluate("chat => chat.shadowRoot.querySelectorAll('a, iframe, img, link').length")
        assert "citechat" not in root.lower()
        assert links == 0


def test_a_person_without_a_pointer_meets_real_buttons(site: Site, browser: Browser) -> None:
    with reading(browser, address(site.allowed, "plain")) as reader:
        reader.open()
        reader.ask(LEAVE_QUESTION)
        clickable = reader.chat.evaluate(
            "chat => [...chat.shadowRoot.querySelectorAll('*')]"
            ".filter((each) => getComputedStyle(each).cursor === 'pointer' && !each.closest('button')).length"
        )
        assert clickable == 0
        unnamed = reader.chat.evaluate(
            "chat => [...chat.shadowRoot.querySelectorAll('button')]"
            ".filter((each) => !(each.ariaLabel || each.textContent.trim())).length"
        )
        assert unnamed == 0


def test_the_script_speaks_to_no_other_host(site: Site) -> None:
    named = set(re.findall(r"https?://[^\s'\"`]+", httpx.get(f"{site.server}/widget.js").text))
    assert named <= {"http://www.w3.org/2000/svg"}, named


def test_every_test_that_the_list_names_is_there() -> None:
    listed = re.findall(r"`(test_\w+)\.py::(test_\w+)`", (ROOT / "docs" / "widgets.md").read_text(encoding="utf-8"))
    assert len(listed) > 20
    for file, name in listed:
        tree = ast.parse((ROOT / "tests" / f"{file}.py").read_text(encoding="utf-8"))
        assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}, f"{file}.py::{name}"
