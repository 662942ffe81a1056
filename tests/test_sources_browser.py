"""The sources of an answer, in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from index.readers import read
from index.types import Block, Document, Original, Page
from rag.types import Done, Event
from tests import web
from tests.chat_page import LEAVE, PHONE, QUOTE, Service, Visitor, serving, visiting

SEEDS = Path(__file__).parent.parent / "seeds"

DECK = Document(
    id="f" * 16,
    source="winter.pptx",
    title="Winter works",
    text="Dredging\n\nThe southern basin is dredged in January.\n\nCosts\n\nThe county pays two thirds of the works.",
    blocks=(
        Block("heading", 0, 8, 1),
        Block("paragraph", 10, 51),
        Block("heading", 53, 58, 1),
        Block("paragraph", 60, 101),
    ),
    pages=(Page(1, 0, 53), Page(2, 53, 101)),
    metadata={"author": "Olav Berg", "format": "pptx"},
)


class Doubtful(web.LexicalPipeline):
    """Says of some answers that the quotes do not carry the whole of their first two sentences."""

    def stream(self, question: str, *arguments: Any, **options: Any) -> Iterator[Event]:  # noqa: ANN401  # as it has
        for event in super().stream(question, *arguments, **options):
            if isinstance(event, Done) and "doubtful" in question:
                first, second, *others = event.answer.claims
                doubted = (replace(first, support="supported"), replace(second, support="partial"), *others)
                yield Done(replace(event.answer, claims=doubted))
            else:
                yield event


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("home"), Doubtful((*web.DOCUMENTS, DECK))) as service:
        yield service


@pytest.fixture
def visitor(service: Service, browser: Browser) -> Iterator[Visitor]:
    with visiting(browser, service.address) as visitor:
        yield visitor


def test_a_citation_opens_the_whole_document_at_its_exact_words(visitor: Visitor) -> None:
    visitor.ask("Which portal shows the days that are left?")
    visitor.citations.first.click()
    expect(visitor.mark).to_have_text("🌍🌍 The portal 🚀 shows the days that are left.")
    assert visitor.panel.locator(".text").text_content() == web.LEAVE.text
    expect(visitor.mark).to_be_in_viewport()
    expect(visitor.panel).to_contain_text("Human Resources · A. Writer · Feb 1, 2025 · handbook/leave.md")
    expect(visitor.panel).to_contain_text("These words stand in the document exactly as they are shown.")
    expect(visitor.citations.first).to_have_attribute("aria-current", "true")
    assert "#cite" not in visitor.page.url


def test_what_stands_on_a_slide_is_said_to_and_an_outlet_speaks_for_its_authors(visitor: Visitor) -> None:
    visitor.ask("Who pays two thirds of the works, and how many days of leave a year?")
    group = visitor.panel.locator(".group").filter(has_text="Winter works")
    expect(group.locator(".meta")).to_have_text("Olav Berg · winter.pptx")
    expect(group.locator(".remark")).to_have_text("exact quote · slide 2")
    leave = visitor.panel.locator(".group").filter(has_text="Staff handbook")
    expect(leave.locator(".meta")).to_have_text("Human Resources · Feb 1, 2025 · handbook/leave.md")
    group.locator(".entry").click()
    expect(visitor.panel.locator("header .meta").first).to_have_text("Olav Berg · slide 2 · winter.pptx")
    pages = "blocks => blocks.map(block => block.dataset.page)"
    assert visitor.panel.locator("[data-page]").evaluate_all(pages) == ["slide 1", "slide 2"]


def test_a_document_is_shown_with_its_structure(visitor: Visitor) -> None:
    visitor.ask(LEAVE)
    visitor.citations.first.click()
    expect(visitor.panel.get_by_role("heading", level=4)).to_have_text(["Annual leave", "Sick leave"])
    expect(visitor.panel.locator(".block.item")).to_have_text("Call your manager before ten o'clock.")


def test_sources_are_listed_by_document_and_walked_through(visitor: Visitor) -> None:
    visitor.ask("leave soup")
    expect(visitor.panel.locator("h3")).to_have_text(["Staff handbook: leave", "Canteen"])
    entries = visitor.panel.locator(".entry")
    expect(entries.first).to_contain_text("exact quote")
    numbers = entries.locator(".number").all_text_contents()
    assert sorted(numbers) == [str(n + 1) for n in range(visitor.citations.count())]
    entries.first.click()
    expect(visitor.panel).to_contain_text(f"1 of {len(numbers)}")
    expect(visitor.button("Previous")).to_be_disabled()
    visitor.button("Next").click()
    expect(visitor.panel.get_by_role("heading", level=2)).to_contain_text("[2]")
    expect(visitor.button("Next")).to_be_focused()
    visitor.page.keyboard.press("ArrowLeft")
    expect(visitor.panel.get_by_role("heading", level=2)).to_contain_text("[1]")
    visitor.button("← All sources").click()
    expect(visitor.panel.locator(".entry")).to_have_count(len(numbers))
    entries.nth(1).press("Enter")
    expect(visitor.mark).to_have_count(1)
    visitor.page.keyboard.press("Escape")
    expect(entries.nth(1)).to_be_focused()


def test_other_quotes_of_the_answer_are_marked_too(visitor: Visitor) -> None:
    visitor.ask("When does the canteen open, and soup?")
    visitor.citations.first.click()
    expect(visitor.mark).to_have_text("The canteen opens at noon.")
    expect(visitor.panel.locator("mark.other")).to_have_text("It serves soup on Fridays.")


def test_everything_is_reached_by_keyboard(visitor: Visitor) -> None:
    visitor.ask(LEAVE)
    citation = visitor.citations.first
    citation.focus()
    tip = visitor.page.get_by_role("tooltip")
    expect(tip).to_contain_text(QUOTE)
    expect(tip).to_contain_text("These words stand in the document exactly as they are shown.")
    visitor.page.keyboard.press("Enter")
    expect(visitor.mark).to_have_text(QUOTE)
    expect(visitor.panel.get_by_role("heading", level=2)).to_be_focused()
    visitor.page.keyboard.press("Escape")
    expect(citation).to_be_focused()
    expect(visitor.mark).to_have_count(0)
    expect(citation).to_have_accessible_name("Source 1, exact quote")


def test_the_pointer_shows_the_quote_and_escape_puts_it_away(visitor: Visitor) -> None:
    visitor.ask(LEAVE)
    visitor.citations.first.hover()
    tip = visitor.page.get_by_role("tooltip")
    expect(tip).to_contain_text(QUOTE)
    tip.hover()  # what is shown on pointing can be pointed at
    expect(tip).to_be_visible()
    visitor.page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_what_is_drawn_below_a_resting_pointer_is_previewed_once_it_moves(visitor: Visitor) -> None:
    visitor.ask(LEAVE)
    tip = visitor.page.get_by_role("tooltip")
    visitor.citations.first.hover()
    expect(tip).to_be_visible()
    visitor.page.keyboard.press("Escape")
    drawn = visitor.citations.first.get_attribute("href") or ""
    visitor.actions.get_by_role("button", name="Try again").press("Enter")
    expect(visitor.citations.first).not_to_have_attribute("href", drawn)
    visitor.settle()
    assert visitor.citations.first.evaluate("link => link.matches(':hover')")
    visitor.page.wait_for_timeout(200)
    expect(tip).to_be_hidden()
    box = visitor.citations.first.bounding_box()
    assert box is not None
    visitor.page.mouse.move(box["x"] + box["width"] / 2 + 2, box["y"] + box["height"] / 2)
    expect(tip).to_contain_text(QUOTE)


def test_each_mark_is_explained(visitor: Visitor) -> None:
    visitor.ask("leave soup days doubtful")
    expect(visitor.citations.nth(0)).to_have_accessible_name("Source 1, supported by the quote")
    expect(visitor.citations.nth(1)).to_have_accessible_name("Source 2, partly supported")
    visitor.panel.get_by_text("What do the marks mean?").click()
    expect(visitor.panel.locator(".legend")).to_contain_text("The quote supports only a part of this sentence.")
    visitor.citations.nth(1).click()
    expect(visitor.panel.locator("header")).to_contain_text("The quote supports only a part of this sentence.")


def test_a_refusal_lists_the_nearest_passages_as_such(visitor: Visitor) -> None:
    answer = visitor.ask("Quidditch?")
    expect(answer).to_contain_text("The documents do not say.")
    expect(answer).to_contain_text("Nearest passages")
    expect(visitor.panel.get_by_role("heading", level=2)).to_have_text("Nearest passages")
    expect(visitor.panel).to_contain_text("None of them answers the question.")
    expect(visitor.button("Copy answer")).to_be_visible()
    expect(visitor.button("Copy with references")).to_have_count(0)  # it has none
    visitor.citations.nth(1).click()
    expect(visitor.mark).to_have_text("The canteen opens at noon.")
    expect(visitor.panel).to_contain_text("comes closest to the question, but does not answer it")
    expect(visitor.panel).not_to_contain_text("exactly as they are shown")


@pytest.fixture
def said_twice(service: Service) -> Iterator[None]:
    """The canteen's file under a second name, and a newsletter with a sentence of it."""
    shelf = service.pipeline.shelf
    before = shelf.by_id
    letter = Document("e" * 16, "news/<i>may</i>.txt", "Newsletter", "It serves soup on Fridays. More news.")
    shelf.by_id = {**before, letter.id: letter}
    shelf.aliases = {web.CANTEEN.id: ("old/canteen.txt",)}
    yield
    shelf.by_id, shelf.aliases = before, {}


@pytest.mark.usefixtures("said_twice")
def test_who_else_says_it_is_told(visitor: Visitor) -> None:
    visitor.ask("When does the canteen serve soup on Fridays?")
    header = visitor.panel.locator("header")
    visitor.citations.first.click()
    expect(visitor.mark).to_have_text("It serves soup on Fridays.")
    expect(header).to_contain_text("The same document also as old/canteen.txt")
    expect(header).to_contain_text("The same words also stand in news/<i>may</i>.txt")
    visitor.page.keyboard.press("Escape")
    visitor.panel.get_by_role("button", name="The canteen opens at noon.").click()
    expect(header).to_contain_text("The same document also as old/canteen.txt")
    expect(header).not_to_contain_text("The same words")


@pytest.mark.usefixtures("said_twice")
def test_a_passage_that_was_only_found_is_not_called_the_same(visitor: Visitor) -> None:
    visitor.ask("Quidditch?")
    visitor.panel.get_by_role("button", name="It serves soup on Fridays.").click()
    header = visitor.panel.locator("header")
    expect(header).to_contain_text("Nearly the same passage also stands in canteen.txt, old/canteen.txt")
    expect(header).not_to_contain_text("The same words")


@pytest.fixture
def on_paper(service: Service, tmp_path: Path) -> Iterator[str]:
    """A printed handbook in the collection; gives its name."""
    file = tmp_path / "handbook.pdf"
    shutil.copy(SEEDS / "handbook" / "staff-handbook-2025.pdf", file)
    document = read(file, "handbook.pdf")
    shelf = service.pipeline.corpus
    before, shelf.by_id = shelf.by_id, {document.id: document}
    shelf.originals[document.id] = Original(document.id, file, str(file))
    yield file.name
    shelf.by_id = before


def test_a_page_is_shown_as_it_is_printed_with_the_quote_marked(
    on_paper: str, service: Service, browser: Browser
) -> None:
    with visiting(browser, service.address) as visitor:
        visitor.ask("What does the entitlement for full-time employees rise to?")
        visitor.citations.first.click()
        expect(visitor.mark).to_have_text("The entitlement for full-time employees rises to 28 days.")
        expect(visitor.panel.locator(".meta").first).to_contain_text(f"page 1 · {on_paper}")
        visitor.button("Page").click()
        expect(visitor.panel.get_by_role("img", name="Page 1 of the document as it is printed")).to_be_visible()
        marks = visitor.panel.locator(".page-mark")
        expect(marks).to_have_count(1)
        expect(marks).to_be_in_viewport()
        expect(visitor.button("Page")).to_be_focused()
        width = marks.evaluate("mark => mark.offsetWidth")
        right = visitor.button("Enlarge").bounding_box()
        visitor.button("Enlarge").click()
        assert visitor.button("Enlarge").bounding_box() == right
        assert abs(marks.evaluate("mark => mark.offsetWidth") - 2 * width) <= 2
        expect(marks).to_be_in_viewport()
        expect(visitor.button("Enlarge")).to_be_in_viewport()
        visitor.button("Text").click()
        expect(visitor.mark).to_be_in_viewport()


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
        for selector in ("#title h1", "#start .holdings", "#fresh", "#start .offered", "#question .submit-button"):
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
