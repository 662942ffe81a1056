"""Arabic on the pages, and the widget on a page that runs from right to left."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Locator, expect

from index.types import Block, Document
from tests import web
from tests.chat_page import Service, serving, visiting
from tests.wcag import violations
from tests.widget_page import LEAVE_QUESTION, LEAVE_QUOTE, Site, address, reading, running_site

TOKEN = "a token of the operator"
QUESTION = "متى يفتح المقصف؟"
ANSWER = "يفتح المقصف في الظهر."
ARABIC = Document("e" * 16, "maqsaf.txt", "المقصف", ANSWER, {}, (), (Block("paragraph", 0, len(ANSWER)),))

_STARTS = """element => {
  const range = document.createRange();
  range.selectNodeContents(element);
  const words = range.getClientRects()[0], box = element.getBoundingClientRect();
  return words.left - box.left > box.right - words.right ? 'right' : 'left';
}"""
"""On which side of its box the first line of a text begins."""


_STOP_STANDS_FIRST = """element => {
  const [text, range] = [element.firstChild, document.createRange()];
  const left = (from) => (range.setStart(text, from), range.setEnd(text, from + 1), range.getBoundingClientRect().left);
  return left(text.length - 1) < left(0);
}"""
"""Whether the full stop of an English sentence stands before its first word, as if it were Arabic."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    pipeline = web.LexicalPipeline([*web.DOCUMENTS, ARABIC])
    with serving(tmp_path_factory.mktemp("home"), pipeline, admin_token=TOKEN) as service:
        yield service


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


def side(text: Locator) -> str:
    return str(text.first.evaluate(_STARTS))


def test_each_text_runs_its_own_way(service: Service, site: Site, browser: Browser) -> None:
    assert site.server  # both servers are there before the browser
    with visiting(browser, service.address) as visitor:
        visitor.ask(QUESTION)
        assert side(visitor.answers.last.locator("p")) == "right"
        visitor.citations.first.click()
        expect(visitor.mark).to_have_text(ANSWER)
        assert side(visitor.panel.locator(".block")) == "right"
        assert violations(visitor.page) == []
        visitor.page.keyboard.press("Escape")
        visitor.ask("canteen open at noon")
        assert side(visitor.answers.last.locator("p")) == "left"


def test_the_operator_reads_each_text_as_it_runs(service: Service, browser: Browser) -> None:
    for question in (QUESTION, "Quidditch?"):
        httpx.post(f"{service.address}/api/chat", json={"question": question})
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{service.address}/admin/login")
        page.get_by_label("Password or token").fill(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_url("**/admin")
        page.goto(f"{service.address}/admin/conversations")
        assert side(page.locator(".asked", has_text=QUESTION)) == "right"
        assert side(page.locator(".said", has_text=ANSWER)) == "right"
        assert side(page.locator(".asked", has_text="Quidditch?")) == "left"
        assert violations(page) == []


def test_the_widget_on_a_page_that_runs_from_right_to_left(site: Site, browser: Browser) -> None:
    with reading(browser, address(site.allowed, "plain")) as reader:
        reader.page.evaluate("document.documentElement.dir = 'rtl'")
        reader.open()
        greeting = reader.part(".log p").first
        assert (greeting.evaluate(_STOP_STANDS_FIRST), side(greeting)) == (False, "right")
        text = reader.ask(LEAVE_QUESTION)
        expect(text).to_contain_text(LEAVE_QUOTE)
        panel = reader.part(".panel").bounding_box()
        assert panel is not None
        assert (panel["x"], panel["width"]) == (1280 - 16 - 400, 400)
        inside = reader.chat.evaluate(
            "chat => { const panel = chat.shadowRoot.querySelector('.panel');"
            " return panel.scrollWidth <= panel.clientWidth }"
        )
        assert inside
        text.locator("button.cite").first.click()
        expect(reader.part("mark")).to_have_text(LEAVE_QUOTE)
        assert violations(reader.page) == []
