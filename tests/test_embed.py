"""The page that writes the snippets, the frame for sites without scripts, and the operator's pages, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests import web
from tests.hosts import Hosts, serving
from tests.widget_page import LEAVE_QUESTION, LEAVE_QUOTE, Reader, chromium, reading

TOKEN = "a token of the operator"


def named(origin: str, name: str) -> str:
    """Return the origin under a domain of its own: to a browser, another site altogether."""
    return origin.replace("127.0.0.1", f"{name}.test")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hosts, Hosts]]:
    """The pages of a site that may frame the chat, and of one that may not."""
    with serving() as allowed, serving("127.0.0.2") as denied:
        home = tmp_path_factory.mktemp("home")
        sites = {
            "docs": {"origins": [allowed.origin, named(allowed.origin, "intranet")]},
            "shop": {"origins": [named(allowed.origin, "shop")]},
        }
        chosen = web.settings(home, sites=sites, admin_token=TOKEN, allowed_hosts=("127.0.0.1", "citechat.test"))
        with web.running(web.LexicalPipeline(), chosen) as server:
            allowed.server = denied.server = server
            yield allowed, denied


@pytest.fixture(scope="module")
def browser(places: object) -> Iterator[Browser]:
    """Started after the servers: both want this thread's event loop."""
    assert places
    with chromium() as browser:
        yield browser


class Tag(HTMLParser):
    """The attributes of the first tag of a snippet."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, str | None] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # as in the base
        self.found = self.found or dict(attrs)


def test_the_form_becomes_a_preview_and_snippets(places: tuple[Hosts, Hosts], browser: Browser) -> None:
    server = places[0].server
    hostile = '"><img src=x onerror=window.__xss=1>'
    with reading(browser, f"{server}/embed") as reader:
        reader.page.fill("#site", "docs")
        reader.page.fill("#title", hostile)
        reader.page.fill("#accent", "rebeccapurple")
        expect(reader.part("h2").first).to_have_text(hostile)
        assert reader.style(".go", "background-color") == "rgb(102, 51, 153)"
        expected = {"data-site": "docs", "data-title": hostile, "data-accent": "rebeccapurple"}
        for snippet in ("html", "wordpress"):
            tag = Tag(reader.page.locator(f"#{snippet}").inner_text()).found
            assert tag == {"src": f"{server}/widget.js", "defer": None, **expected}
        frame = Tag(reader.page.locator("#iframe").inner_text()).found
        assert str(frame["src"]).startswith(f"{server}/frame?site=docs&title=%22%3E%3Cimg")
        for snippet in ("docusaurus", "react"):
            assert "rebeccapurple" in reader.page.locator(f"#{snippet}").inner_text()
        assert reader.page.locator("#allow").inner_text().startswith("[sites.docs]")
        reader.ask(LEAVE_QUESTION)
        assert reader.page.evaluate("window.__xss") is None
        assert reader.problems == []


def test_the_frame_answers_on_a_page_without_scripts(places: tuple[Hosts, Hosts], browser: Browser) -> None:
    with reading(browser, f"{places[0].origin}/framed?site=docs%26title=Ask%20us") as reader:
        frame = reader.page.frame_locator("iframe")
        expect(frame.locator("h2").first).to_have_text("Ask us")
        frame.locator("textarea").fill(LEAVE_QUESTION)
        frame.locator("textarea").press("Enter")
        expect(frame.locator(".text")).to_contain_text(LEAVE_QUOTE)
        frame.locator("button.cite").first.click()
        expect(frame.locator("mark")).to_have_text(LEAVE_QUOTE)
        assert reader.problems == []


@pytest.mark.parametrize(
    ("reads", "chosen", "spoken", "words"),
    [
        ("de-AT", "", "de", "Stellen Sie eine Frage"),
        ("de-AT", "?lang=fr", "fr", "Posez une question"),
        ("pt-BR", "", "en", "Ask a question"),
    ],
)
def test_the_frame_speaks_the_language_that_is_chosen_or_the_readers(
    places: tuple[Hosts, Hosts], browser: Browser, reads: str, chosen: str, spoken: str, words: str
) -> None:
    with reading(browser, f"{places[0].server}/frame{chosen}", locale=reads) as reader:
        expect(reader.part("textarea")).to_have_attribute("placeholder", words)
        expect(reader.page.locator("html")).to_have_attribute("lang", spoken)


def test_the_preview_speaks_the_language_that_is_chosen_and_the_form_keeps_what_was_filled_in(
    places: tuple[Hosts, Hosts], browser: Browser
) -> None:
    server = places[0].server
    with reading(browser, f"{server}/embed", locale="es-ES") as reader:
        placeholder, html = reader.part("textarea"), reader.page.locator("#html")
        expect(placeholder).to_have_attribute("placeholder", "Haga una pregunta")
        assert Tag(html.inner_text()).found == {"src": f"{server}/widget.js", "defer": None}
        reader.page.fill("#title", "R&D?")
        reader.page.select_option("#lang", "de")
        expect(placeholder).to_have_attribute("placeholder", "Stellen Sie eine Frage")
        expect(reader.page.locator("#lang")).to_be_focused()
        wanted = {"src": f"{server}/widget.js?lang=de", "defer": None, "data-title": "R&D?", "data-lang": "de"}
        assert Tag(html.inner_text()).found == wanted
        frame = Tag(reader.page.locator("#iframe").inner_text()).found["src"]
        assert frame == f"{server}/frame?title=R%26D%3F&lang=de"
        assert reader.problems == []


def test_another_site_cannot_frame_it(places: tuple[Hosts, Hosts], browser: Browser) -> None:
    for attributes in ("site=docs", "site=default", ""):
        with reading(browser, f"{places[1].origin}/framed?{attributes}") as reader:
            reader.page.wait_for_timeout(300)
            assert any("frame-ancestors" in problem for problem in reader.problems)


@contextmanager
def framed(browser: Browser, pages: Hosts, site: str, attributes: str) -> Iterator[Reader]:
    """Open a page of ``site`` that frames the chat, each under a domain of its own."""
    server, pages.server = pages.server, named(pages.server, "citechat")
    try:
        with reading(browser, f"{named(pages.origin, site)}/framed?{attributes}") as reader:
            yield reader
    finally:
        pages.server = server


def test_a_site_of_another_domain_frames_it_with_its_key(places: tuple[Hosts, Hosts], browser: Browser) -> None:
    with framed(browser, places[0], "intranet", "site=docs") as reader:
        frame = reader.page.frame_locator("iframe")
        frame.locator("textarea").fill(LEAVE_QUESTION)
        frame.locator("textarea").press("Enter")
        expect(frame.locator(".text")).to_contain_text(LEAVE_QUOTE)
        frame.locator("button.cite").first.click()
        expect(frame.locator("mark")).to_have_text(LEAVE_QUOTE)
        assert reader.page.context.cookies() == []
        # Without TLS that header means nothing, and Chromium says so of every name that is not this machine's own.
        assert [each for each in reader.problems if "Cross-Origin-Opener-Policy" not in each] == []


@pytest.mark.parametrize(
    ("site", "attributes"),
    [("intranet", ""), ("intranet", "site=shop"), ("intranet", "site=none"), ("other", "site=docs"), ("other", "")],
)
def test_without_its_key_it_does_not(places: tuple[Hosts, Hosts], browser: Browser, site: str, attributes: str) -> None:
    with framed(browser, places[0], site, attributes) as reader:
        reader.page.wait_for_timeout(300)
        assert any("frame-ancestors" in problem for problem in reader.problems)
        assert not any("/api/" in url for url in reader.requests)


def test_the_operator_s_pages_keep_the_policy(places: tuple[Hosts, Hosts], browser: Browser) -> None:
    with reading(browser, f"{places[0].server}/admin") as reader:
        reader.page.get_by_label("Password or token").fill(TOKEN)
        reader.page.keyboard.press("Enter")
        for name in ("Load", "Documents", "Conversations", "Gaps", "Feedback", "Cases", "Evals"):
            reader.page.get_by_role("link", name=name, exact=True).click()
            expect(reader.page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
        reader.page.get_by_role("link", name="Embed", exact=True).click()
        reader.page.get_by_role("link", name="Operator's pages", exact=True).press("Enter")
        expect(reader.page.get_by_role("link", name="Load", exact=True)).to_have_attribute("aria-current", "page")
        assert reader.problems == []
        reader.page.get_by_role("button", name="Log out").click()
        expect(reader.page.get_by_label("Password or token")).to_be_focused()


def test_every_screen_fits(places: tuple[Hosts, Hosts], browser: Browser, tmp_path: Path) -> None:
    for path in ("/embed", "/admin/login", "/frame"):
        with reading(browser, places[0].server + path, viewport={"width": 390, "height": 780}) as reader:
            width = reader.page.evaluate("document.documentElement.scrollWidth")
            reader.page.screenshot(path=tmp_path / "page.png")
            assert width <= 390, path
