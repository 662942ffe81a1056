"""Scripts and styles out of memory, and which of Gradio's a page is told to fetch at once."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import brotli
import httpx
import pytest
from playwright.sync_api import expect

from tests import web
from tests.browser import chromium
from ui.web.assets import STATIC, version, versioned
from ui.web.parts import FRONTEND, parts


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with web.running(web.LexicalPipeline(), web.settings(tmp_path_factory.mktemp("home"))) as where:
        yield where


def fetched(address: str, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """Return a reply and its body as it was sent."""
    with httpx.stream("GET", address + path, headers={name.replace("_", "-"): v for name, v in headers.items()}) as got:
        return got, b"".join(got.iter_raw())


@pytest.mark.parametrize("path", ["/static/page.js", versioned("page.js"), "/static/v/000000000000/page.js"])
def test_a_script_is_the_same_in_every_encoding(address: str, path: str) -> None:
    script = (STATIC / "page.js").read_bytes()
    for accepted, name, decode in (
        ("br, gzip", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("identity", None, bytes),
    ):
        reply, body = fetched(address, path, accept_encoding=accepted)
        assert (reply.status_code, reply.headers.get("content-encoding")) == (200, name)
        assert reply.headers["vary"] == "Accept-Encoding"
        assert decode(body) == script


def test_what_has_not_changed_is_not_sent_again(address: str) -> None:
    reply, _ = fetched(address, "/static/page.js")
    assert reply.headers["cache-control"] == "no-cache"
    again, body = fetched(address, "/static/page.js", if_none_match=reply.headers["etag"])
    assert (again.status_code, body) == (304, b"")
    other, _ = fetched(address, "/static/app.css", if_none_match=reply.headers["etag"])
    assert other.status_code == 200


def test_only_the_present_version_is_kept_for_ever(address: str) -> None:
    for of_version, lasting in ((version(), True), ("000000000000", False)):
        reply, _ = fetched(address, f"/static/v/{of_version}/app.css")
        assert ("immutable" in reply.headers["cache-control"]) is lasting


@pytest.mark.parametrize("path", ["/static/v/x/..%2fapp.py", "/assets/%2e%2e/index.html", "/static/v/%2e%2e/page.js/"])
def test_a_path_is_a_name_and_nothing_else(address: str, path: str) -> None:
    reply, _ = fetched(address, path)
    assert reply.status_code in (403, 404)


def test_whatever_the_page_loads_of_gradio_it_was_told_of(address: str) -> None:
    """Else a later Gradio lists its scripts in another way, and they are fetched one wave after another."""
    told = httpx.get(address).text
    with chromium() as browser:
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.removeprefix(address)))
        page.goto(address)
        expect(page.locator("#question textarea")).to_be_visible()
    wanted = [path for path in asked if path.startswith(("/assets/", "/theme.css", "/config", "/gradio_api/info"))]
    assert len(wanted) > 40
    assert [path for path in wanted if path not in told and f".{path}" not in told] == []
    assert len(set(wanted)) == len(wanted)  # what was fetched ahead is what the page takes


def test_a_gradio_that_names_its_scripts_otherwise_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<script src='./new/app.js'></script>")
    assert parts(tmp_path, ["chatbot"]) == []
    assert parts(FRONTEND, []) == [name for name in parts(FRONTEND, ["chatbot"]) if name in parts(FRONTEND, [])]
