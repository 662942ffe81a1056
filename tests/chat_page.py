"""A reader at the chat page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests import web
from ui.page.visitors import COOKIE

CITATION = '#chat a[href^="#cite-"]'
CONTRAST = """element => {
  const channels = colour => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = colour => channels(colour).slice(0, 3)
    .map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  let ground = element;
  while (ground && (channels(getComputedStyle(ground).backgroundColor)[3] ?? 1) === 0) ground = ground.parentElement;
  const [a, b] = [getComputedStyle(element).color, getComputedStyle(ground ?? document.body).backgroundColor]
    .map(luminance).sort((a, b) => b - a);
  return (a + 0.05) / (b + 0.05);
}"""


LEAVE = "How many days of leave do employees get?"
QUOTE = "Every employee gets 25 days of paid leave a year."
EXAMPLES = ("When does the canteen open?", 'Is <b>"this"</b> ![x](http://evil.invalid/x.png) shown?', "Quidditch?")
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@dataclass(frozen=True, slots=True)
class Service:
    """A running server over the little documents of ``tests.web``."""

    address: str
    pipeline: web.LexicalPipeline
    home: Path


@contextmanager
def serving(home: Path, pipeline: web.LexicalPipeline | None = None, **settings: object) -> Iterator[Service]:
    """Serve; before the browser is started, whose loop would be in the way of Gradio's."""
    pipeline = pipeline or web.LexicalPipeline()
    chosen = {"examples": EXAMPLES, "title": "Ask <i>Human</i> Resources"} | settings
    with web.running(pipeline, web.settings(home, **chosen)) as address:
        httpx.get(f"{address}/chat/examples")  # they are asked once: not while a test slows the answers down
        yield Service(address, pipeline, home)


@dataclass(slots=True)
class Visitor:
    """``problems`` is what the console complained of, ``requests`` whom the page asked."""

    page: Page
    context: BrowserContext
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def box(self) -> Locator:
        return self.page.locator("#question textarea")

    @property
    def questions(self) -> Locator:
        return self.page.locator("#chat [data-testid=user]")

    @property
    def answers(self) -> Locator:
        return self.page.locator("#chat [data-testid=bot]")

    @property
    def spoken(self) -> Locator:
        return self.page.get_by_role("status")

    @property
    def citations(self) -> Locator:
        return self.answers.last.locator('a[href^="#cite-"]')

    @property
    def panel(self) -> Locator:
        return self.page.get_by_label("Sources", exact=True).and_(self.page.locator("section"))

    @property
    def mark(self) -> Locator:
        return self.panel.locator("mark.current")

    @property
    def actions(self) -> Locator:
        """The buttons below the last answer."""
        return self.page.locator("#chat .bot-row").last.locator(".row-actions")

    def submit(self, question: str) -> None:
        self.box.fill(question)
        self.box.press("Enter")

    def ask(self, question: str) -> Locator:
        """Ask and wait for the end of the answer."""
        before = self.answers.count()
        self.submit(question)
        expect(self.answers).to_have_count(before + 1)
        self.settle()
        return self.answers.last

    def settle(self) -> None:
        expect(self.page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
        expect(self.page.locator('#chat a[href^="#evidence-"]')).to_have_count(0)
        expect(self.actions).to_be_visible()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the page does not show."""
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            self.page.wait_for_timeout(50)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def contrast(self, selector: str) -> float:
        return float(self.page.locator(selector).first.evaluate(CONTRAST))


@contextmanager
def visiting(browser: Browser, address: str, **options: Any) -> Iterator[Visitor]:  # noqa: ANN401  # the browser's own
    """Open the chat. Afterwards: nothing threw or broke the policy, nothing ran, and nobody else was asked."""
    context = browser.new_context(**options)
    page = context.new_page()
    visitor = Visitor(page, context)
    page.on("request", lambda request: visitor.requests.append(request.url))
    page.on("console", lambda said: visitor.problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: visitor.problems.append(str(error)))
    page.goto(address)
    expect(page.locator("#question textarea")).to_be_visible()
    yield visitor
    assert page.evaluate("window.__xss") is None
    assert [cookie["name"] for cookie in context.cookies()] == [COOKIE]
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    context.close()
    own = urlsplit(address).netloc
    assert [url for url in visitor.requests if urlsplit(url).netloc not in (own, "")] == []
    assert visitor.problems == [], visitor.problems
