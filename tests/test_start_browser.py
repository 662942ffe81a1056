"""The first page, filters, languages and uploads, in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from tests import web
from tests.chat_page import EXAMPLES, PHONE, Service, Visitor, serving, visiting


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("home"), uploads=True, max_upload_mib=1) as service:
        yield service


@pytest.fixture
def visitor(service: Service, browser: Browser) -> Iterator[Visitor]:
    with visiting(browser, service.address, permissions=["clipboard-read", "clipboard-write"]) as visitor:
        yield visitor


def test_the_page_says_what_it_is_and_what_it_holds(visitor: Visitor) -> None:
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Ask <i>Human</i> Resources")
    expect(visitor.page.locator(".holdings")).to_have_text("3 documents · 12 passages · newest dated Feb 1, 2025")
    assert visitor.page.title() == "Ask <i>Human</i> Resources"
    expect(visitor.panel).to_be_hidden()


def test_only_examples_that_are_answered_are_offered(visitor: Visitor) -> None:
    expect(visitor.page.locator("#start .offered")).to_have_text(
        [*EXAMPLES[:2], "How many days of paid leave does every employee get?"]
    )


def test_documents_added_meanwhile_are_counted(service: Service, browser: Browser) -> None:
    shelf = service.pipeline.corpus
    before, shelf.by_id = shelf.by_id, {web.CANTEEN.id: web.CANTEEN}
    with visiting(browser, service.address) as visitor:
        expect(visitor.page.locator(".holdings")).to_have_text("1 document · 2 passages")
    shelf.by_id = before


def test_a_filter_stays_on_every_question_until_it_is_removed(visitor: Visitor) -> None:
    visitor.button("Filter").click()
    window = visitor.page.get_by_role("dialog", name="Which documents to ask")
    window.get_by_label("Published from").fill("2025-01-15")
    window.get_by_label("Document").select_option("handbook/leave.md")
    window.get_by_role("button", name="Apply").click()
    chips = visitor.page.get_by_role("list", name="Filters on every question").get_by_role("listitem")
    expect(chips.locator("span")).to_have_text(["Document: handbook/leave.md", "from Jan 15, 2025"])
    expect(visitor.ask("Quidditch?")).to_contain_text("Only the documents that pass the filter were asked.")
    for question in ("leave soup", "soup and leave"):
        visitor.ask(question)
        expect(visitor.panel.locator("h3")).to_have_text(["Staff handbook: leave"])
    visitor.button("Remove the filter Document: handbook/leave.md").click()
    expect(visitor.button("Filter")).to_be_focused()
    visitor.button("Remove the filter from Jan 15, 2025").click()
    expect(chips).to_have_count(0)
    visitor.ask("soup with leave")
    expect(visitor.panel.locator("h3")).to_have_text(["Staff handbook: leave", "Canteen"])
    cited = visitor.citations.first.get_attribute("href")
    visitor.button("Filter").click()
    window.get_by_label("Published from").fill("2001-02-01")
    window.get_by_label("Published until").fill("2001-01-01")
    window.get_by_role("button", name="Apply").click()
    expect(chips.locator("span")).to_have_text(["from Jan 1, 2001", "until Feb 1, 2001"])
    visitor.ask("soup again")
    expect(visitor.panel).to_be_hidden()  # of the answer before
    visitor.page.locator(f'#chat p a[href="{cited}"]').click()
    expect(visitor.mark).to_be_visible()
    for name in ("from Jan 1, 2001", "until Feb 1, 2001"):
        visitor.button(f"Remove the filter {name}").click()
    expect(visitor.ask("Quidditch?")).not_to_contain_text("filter")


@pytest.mark.parametrize(
    ("locale", "welcome", "ask", "holdings", "mark"),
    [
        ("es-ES", "¿Qué le gustaría saber?", "Preguntar", "3 documentos · 12 pasajes", "cita literal"),
        ("de-AT", "Was möchten Sie wissen?", "Fragen", "3 Dokumente · 12 Stellen", "wörtliches Zitat"),
        ("fr-CA", "Que voulez-vous savoir\u202f?", "Demander", "3 documents · 12 passages", "citation exacte"),
    ],
)
def test_the_page_speaks_the_readers_language(
    service: Service, browser: Browser, locale: str, welcome: str, ask: str, holdings: str, mark: str
) -> None:
    with visiting(browser, service.address, locale=locale) as visitor:
        expect(visitor.page.locator("html")).to_have_attribute("lang", locale[:2])
        expect(visitor.page.get_by_role("heading", level=2).first).to_have_text(welcome)
        expect(visitor.page.locator(".holdings")).to_contain_text(holdings)
        visitor.submit("soup?")
        expect(visitor.citations).to_have_attribute("data-mark", mark)
        expect(visitor.button(ask)).to_be_visible()


def test_documents_are_added_with_their_progress_and_the_reason_against_them(
    visitor: Visitor, service: Service
) -> None:
    shelf = service.pipeline.corpus
    before = shelf.by_id
    files: list[FilePayload] = [
        {"name": "swim.txt", "mimeType": "text/plain", "buffer": b"The swimming pool is heated in winter."},
        {"name": "tool.exe", "mimeType": "application/octet-stream", "buffer": bytes(range(256)) * 20},
        {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 and nothing"},
        {"name": "huge.txt", "mimeType": "text/plain", "buffer": b"x" * (2**20 + 1)},
    ]
    visitor.page.locator("input[type=file]").set_input_files(files)
    entries = visitor.page.locator(".files li")
    expect(entries.locator(".added")).to_have_text("1 passage")
    expect(entries.nth(1)).to_contain_text("tool.exe is not text.")
    expect(entries.nth(2)).to_contain_text("damaged PDF")
    expect(entries.nth(3)).to_contain_text("Larger than 1 MiB.")
    expect(visitor.page.locator(".holdings")).to_contain_text("4 documents")
    expect(visitor.spoken.filter(has_text="1 document added")).to_have_count(1)
    expect(visitor.ask("Is the swimming pool heated?")).to_contain_text("The swimming pool is heated in winter.")
    shelf.by_id = before


_DROP = """() => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(['The sauna is closed on Mondays.'], 'sauna.txt'));
  for (const name of ['dragenter', 'drop'])
    window.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }));
}"""


_HOLD = """() => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([''], 'held.txt'));
  window.dispatchEvent(new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true }));
  return getComputedStyle(document.body, '::after').borderTopStyle;
}"""


def test_a_dropped_file_is_added(visitor: Visitor, service: Service) -> None:
    shelf = service.pipeline.corpus
    before = shelf.by_id
    expect(visitor.page.locator(".drop")).to_be_visible()
    expect(visitor.page.locator(".drop")).to_have_css("border-top-style", "dashed")
    bar = "list => getComputedStyle(list.appendChild(document.createElement('progress'))).borderTopWidth"
    assert visitor.page.locator(".files").evaluate(bar) == "1px"
    visitor.page.evaluate(_DROP)
    expect(visitor.page.locator(".files .added")).to_have_text("1 passage")
    shelf.by_id = before


def test_a_file_dropped_on_a_conversation_shows_what_becomes_of_it(visitor: Visitor, service: Service) -> None:
    shelf = service.pipeline.corpus
    before = shelf.by_id
    visitor.ask("When does the canteen open?")
    assert visitor.page.evaluate(f"({_HOLD})()") == "dashed"
    visitor.page.evaluate(_DROP)
    expect(visitor.page.locator("body")).not_to_have_class(re.compile("dropping"))
    window = visitor.page.get_by_role("dialog", name="Add documents")
    expect(window.locator(".files .added")).to_have_text("1 passage")
    visitor.page.keyboard.press("Escape")
    expect(window).to_have_count(0)
    visitor.button("New conversation").click()
    expect(visitor.page.locator("#start .drop")).to_be_visible()
    shelf.by_id = before


def test_the_windows_fit_a_phone(service: Service, browser: Browser) -> None:
    with visiting(browser, service.address, **PHONE) as visitor:
        for opener in ("Filter", "History"):
            visitor.button(opener).click()
            box = visitor.page.locator("dialog[open]").bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            visitor.page.keyboard.press("Escape")


def test_suggestions_after_an_answer_are_asked_by_pressing_them(visitor: Visitor, service: Service) -> None:
    shelf = service.pipeline.corpus
    before, shelf.by_id = shelf.by_id, {web.LAMPS.id: web.LAMPS}
    visitor.ask("When were lamps first sold?")
    offered = visitor.page.get_by_role("group", name="The documents also answer").get_by_role("button")
    expect(offered).to_have_text(["What is the works?"])
    offered.click()
    expect(visitor.questions).to_have_text(["When were lamps first sold?", "What is the works?"])
    visitor.settle()
    expect(visitor.answers.last).to_contain_text("The works is a cooperative")
    shelf.by_id = before
