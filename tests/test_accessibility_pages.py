"""The pages besides the chat by axe (WCAG 2.2, levels A and AA): the operator's, and the widget wherever it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from evals.cases.format import Case, Suite
from evals.running.run import run_suite
from index.corpus import Corpus
from index.store.embedded import EmbeddedStore
from tests import web
from tests.browser import chromium
from tests.embedding import HashingEmbedder
from tests.small_pipeline import SmallPipeline, answering
from tests.wcag import LOOKS, enlarge, violations
from tests.widget_page import LEAVE_QUESTION, Reader

TOKEN = "a token of the operator"
ASKED = ("Does leave explode?", "Quidditch?", LEAVE_QUESTION)
BEHIND_THE_LOGIN = (
    *("", "/documents", "/conversations", "/gaps", "/feedback", "/cases"),
    *("/evals?before=one&after=two", "/evals/two?before=one"),
)
_NAME = """() => {
  const { labels, ariaLabel, textContent } = document.activeElement;
  return (ariaLabel || labels?.[0]?.textContent || textContent).trim();
}"""
"""What the focused element is called."""
PICTURES = "[...document.images].every((image) => image.complete && image.naturalWidth > 100)"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with something on each of the operator's pages."""
    home, embedder = tmp_path_factory.mktemp("home"), HashingEmbedder()
    (home / "reports").mkdir()
    for name, leader in (("one", "Ada"), ("two", "Bob")):
        suite = Suite(Path("s.yaml"), cases=(Case("leader", "Who leads?", answer=(("Ada",),)),))
        report = run_suite([suite], partial(answering, SmallPipeline({"a.txt": f"{leader} leads."})))
        (home / "reports" / f"{name}.json").write_text(json.dumps(report.as_json()), encoding="utf-8")
    (home / "reports" / "none.json").write_text("[]", encoding="utf-8")
    with (
        Corpus(EmbeddedStore(home, embedder.fingerprint, embedder.dimension), embedder, 60) as corpus,
        web.running(web.Keeping(corpus), web.settings(home, admin_token=TOKEN)) as address,
    ):
        for question in ASKED:
            reply = httpx.post(f"{address}/api/chat", json={"question": question})
        done = json.loads(reply.text.split("data: ")[-1])
        for value in ("down", "up"):
            httpx.post(f"{address}/api/feedback", json={"message_id": done["message_id"], "value": value})
        yield address


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with web.running(web.LexicalPipeline(), web.settings(tmp_path_factory.mktemp("site"))) as address:
        yield address


@pytest.fixture(scope="module")
def browser(desk: str, server: str) -> Iterator[Browser]:
    """Started after the servers: both want this thread's event loop."""
    assert desk != server
    with chromium() as browser:
        yield browser


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(look: str, browser: Browser) -> Iterator[Page]:
    with browser.new_context(**LOOKS[look]) as context:
        page = context.new_page()
        page.set_default_timeout(5_000)
        yield page


class Floating(Reader):
    """Someone who uses the chat in the corner of a page that has another one."""

    @property
    def chat(self) -> Locator:
        return self.page.locator("rag-chat").last


def assert_usable(page: Page, look: str) -> None:
    enlarge(page, look)
    page.wait_for_function(PICTURES)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def test_the_pages_of_the_operator(desk: str, page: Page, look: str) -> None:
    page.goto(f"{desk}/admin/login")
    assert_usable(page, look)
    page.get_by_label("Password or token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert_usable(page, look)
    page.get_by_label("Password or token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin")
    for path in BEHIND_THE_LOGIN:
        page.goto(f"{desk}/admin{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for summary in page.locator("summary").all():
            summary.click()
        assert_usable(page, look)
    page.goto(f"{desk}/admin/documents")
    page.get_by_label("Add files").set_input_files(
        [FilePayload(name=name, mimeType="text/plain", buffer=b"The bridge opens.") for name in ("a.md", "b.exe")]
    )
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("a.md: ")
    for summary in page.locator("summary").all():
        summary.click()
    assert_usable(page, look)
    page.goto(f"{desk}/admin/conversations")
    page.get_by_role("link", name="Why this answer").first.click()
    expect(page.get_by_role("heading", level=1, name="Why this answer")).to_be_visible()
    assert_usable(page, look)
    page.goto(f"{desk}/admin/feedback")
    page.get_by_role("button", name="Make an eval case").first.click()
    expect(page.locator("textarea").first).to_be_visible()
    assert_usable(page, look)


@pytest.mark.parametrize("path", ["/embed", "/frame?title=Ask", "/demo"])
def test_the_widget_and_the_pages_that_show_it(server: str, page: Page, look: str, path: str) -> None:
    page.goto(server + path)
    reader = (Floating if path == "/demo" else Reader)(page)
    expect(reader.part("textarea")).to_be_attached()
    assert_usable(page, look)
    if path == "/demo":
        reader.open()
        assert_usable(page, look)
    reader.ask(LEAVE_QUESTION)
    assert_usable(page, look)
    reader.part("button.cite").first.click()
    expect(reader.part("mark")).to_be_visible()
    assert_usable(page, look)
    page.keyboard.press("Escape")
    reader.ask("Quidditch?")
    assert_usable(page, look)


def test_the_operator_s_job_by_keyboard_alone(desk: str, browser: Browser, tmp_path: Path) -> None:
    """To log in, add a document, remove it, and make a case of a judgement: Tab, Enter, Space and letters."""
    (tmp_path / "ferry.md").write_text("# Ferry\n\nThe ferry leaves at nine.", encoding="utf-8")
    with browser.new_context() as context:
        page = context.new_page()
        keyboard = page.keyboard

        def tab_to(name: str, most: int = 60) -> None:
            for _ in range(most):
                keyboard.press("Tab")
                if page.evaluate(_NAME).startswith(name):
                    return
            pytest.fail(f"Tab does not reach {name!r}")

        def follow(name: str, heading: str) -> None:
            tab_to(name)
            keyboard.press("Enter")
            expect(page.get_by_role("heading", level=1)).to_have_text(heading)

        page.goto(f"{desk}/admin")
        tab_to("Password or token")
        keyboard.type(TOKEN)
        keyboard.press("Enter")
        page.wait_for_url("**/admin")
        follow("Documents", "Documents")
        tab_to("Add files")
        page.get_by_label("Add files").set_input_files(tmp_path / "ferry.md")  # the dialog is the browser's own
        tab_to("Add")
        keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("ferry.md: added")
        tab_to("Remove Ferry")
        keyboard.press("Enter")
        tab_to("Remove for good")
        keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("ferry.md")
        follow("Feedback", "Feedback")
        follow("Make an eval case", "Cases")
        tab_to("A right answer holds")
        keyboard.type("25 days")
        tab_to("Save the case")
        keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("The case is in")
        tab_to("Log out")
        keyboard.press("Enter")
        expect(page.get_by_label("Password or token")).to_be_visible()
