"""What the tests of the widget share: the two servers, a browser, and a reader who uses the chat."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from index.filters import Filter
from rag.retrieval.retrieve import NONE, QueryVectors
from rag.types import Delta, Done, Event, Remark, Turn
from tests import web
from tests.hosts import Hosts, serving

ZONES = ("Pacific/Kiritimati", "Etc/GMT+12")
"""Where the day begins first and last: one of the two has another day than a server in UTC."""

LEAVE_QUESTION = "How many days of paid leave a year?"
LEAVE_QUOTE = "Every employee gets 25 days of paid leave a year."


class Leading(web.LexicalPipeline):
    """Begins every answer with a short one, as the pipeline does where it finds one, and says where two differ."""

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filter: Filter | None = None,  # noqa: A002
        today: date | None = None,
        *,
        vectors: QueryVectors = NONE,
    ) -> Iterator[Event]:
        short = None
        for event in super().stream(question, history, filter, today, vectors=vectors):
            if isinstance(event, Delta) and short is None and "25 days" in web.LEAVE.text and "paid leave" in question:
                short = "25 days"
                yield Delta(f"**{short}.** ")
            if isinstance(event, Done) and short:
                answer = event.answer
                if "differ" in question:
                    answer = replace(answer, remarks=(Remark("differ", (1, 2), 2),))
                yield Done(replace(answer, short_answer=short, text=f"**{short}.** {answer.text}"))
            else:
                yield event


@dataclass(frozen=True, slots=True)
class Site:
    """A running citechat, and the pages of a site that may embed it and of one that may not."""

    server: str
    allowed: Hosts
    denied: Hosts
    pipeline: web.LexicalPipeline
    home: Path


@contextmanager
def running_site(home: Path) -> Iterator[Site]:
    """Serve citechat and the two sites."""
    pipeline = Leading()
    with serving() as allowed, serving("127.0.0.2") as denied:
        settings = web.settings(home, widget_origins=(allowed.origin,), title="Ask HR", examples=(LEAVE_QUESTION,))
        with ExitStack() as stack:
            with warnings.catch_warnings(action="ignore", category=ResourceWarning):
                server = stack.enter_context(web.running(pipeline, settings))
                gc.collect()  # building a Gradio page leaves event loops behind, unclosed
            allowed.server = denied.server = server
            yield Site(server, allowed, denied, pipeline, home)


def day_in(zone: str) -> date:
    """Return the day of this moment in a time zone."""
    return datetime.now(ZoneInfo(zone)).date()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; to it, every name under ``test`` is this machine."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--host-resolver-rules=MAP *.test 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        yield browser
        browser.close()


@dataclass(slots=True)
class Reader:
    """Someone at a page with the widget. ``chat`` is the element; ``problems`` is what the console complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def chat(self) -> Locator:
        return self.page.locator("rag-chat").first

    def part(self, selector: str) -> Locator:
        return self.chat.locator(selector)

    def open(self) -> None:
        self.part(".launcher").click()

    def ask(self, question: str) -> Locator:
        """Ask and wait for the end of the answer; returns its paragraph."""
        self.part("textarea").fill(question)
        self.page.keyboard.press("Enter")
        self.settle(question)
        return self.part(".text").last

    def settle(self, question: str) -> None:
        expect(self.part(".question").last).to_contain_text(question)
        expect(self.part(".log")).to_have_attribute("aria-busy", "false")

    def focused(self) -> str:
        """The class (or the tag) of the focused element inside the widget."""
        return str(
            self.chat.evaluate(
                "chat => { const e = chat.shadowRoot.activeElement; return e && (e.className || e.tagName) }"
            )
        )

    def style(self, selector: str, name: str) -> str:
        return str(self.part(selector).first.evaluate("(e, name) => getComputedStyle(e)[name]", name))


@contextmanager
def reading(browser: Browser, url: str, **context: Any) -> Iterator[Reader]:  # noqa: ANN401  # the browser's own options
    """Open a page. Afterwards: nothing threw, and nobody was asked but this machine."""
    session = browser.new_context(**context)
    page = session.new_page()
    reader, errors = Reader(page), []
    page.on("request", lambda request: reader.requests.append(request.url))
    page.on("console", lambda message: reader.problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    yield reader
    session.close()
    assert errors == []
    foreign = [url for url in reader.requests if urlsplit(url).scheme != "data" and not _is_local(url)]
    assert foreign == []


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host.startswith("127.0.0.") or host.endswith(".test")


def address(hosts: Hosts, name: str, attributes: str = "") -> str:
    """The address of a host page."""
    return f"{hosts.origin}/{name}?{quote(attributes)}"
