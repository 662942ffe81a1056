"""The guard, asked by a client over a real connection."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.web import LEAVE, LexicalPipeline, running, settings
from ui.web.guard import Guard, Policy
from ui.web.limits import TokenBuckets
from ui.web.metrics import Metrics
from ui.web.sites import Sites

SITE = "https://allowed.example"
QUESTION = {"question": "How many days of leave?"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    chosen = settings(tmp_path_factory.mktemp("home"), widget_origins=(SITE,), allowed_hosts=("127.0.0.1", "[::1]"))
    with running(LexicalPipeline(), chosen) as address:
        yield address


def with_token(address: str, origin: str = SITE, site: str = "") -> dict[str, str]:
    """The headers of a page that has been given its token."""
    greeting = httpx.get(f"{address}/api/widget/config?site={site}", headers={"origin": origin}).json()
    return {"origin": origin, "authorization": f"Bearer {greeting['token']}"}


def code_of(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:7860", 200),
        ("[::1]:80", 200),
        ("localhost", 421),
        ("evil.invalid", 421),
        ("127.0.0.1.evil.invalid", 421),
        ("127.0.0.1:80@evil.invalid", 421),
        ("[::1].evil.invalid", 421),
        ("", 421),
    ],
)
def test_only_our_names_are_answered(address: str, host: str, status: int) -> None:
    assert httpx.get(f"{address}/healthz", headers={"host": host}).status_code == status


def test_two_host_headers_are_refused(address: str) -> None:
    with socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1]))) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.invalid\r\n\r\n")
        assert connection.recv(100).split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "{own}"}, 200),
        ({"origin": SITE}, 401),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "https://evil.invalid"}, 403),
        ({"origin": "https://allowed.example.evil.invalid"}, 403),
        ({"origin": "http://allowed.example"}, 403),
        ({"origin": "https://allowed.example:8443"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
@pytest.mark.parametrize("method", ["ask", "read"])
def test_other_sites_may_neither_ask_nor_read(address: str, method: str, headers: dict[str, str], status: int) -> None:
    sent = {name: value.format(own=address) for name, value in headers.items()}
    if method == "ask":
        response = httpx.post(f"{address}/api/chat", json=QUESTION, headers=sent)
    else:
        response = httpx.get(f"{address}/api/documents/{LEAVE.id}", headers=sent)
    assert response.status_code == status
    if status != 200:
        assert code_of(response) == ("origin_not_allowed" if status == 403 else "token_missing")


def test_an_allowed_site_gets_what_the_widget_needs_and_nothing_else(address: str) -> None:
    headers = with_token(address)
    read = httpx.get(f"{address}/api/documents/{LEAVE.id}", headers=headers)
    assert read.headers["access-control-allow-origin"] == SITE
    assert "access-control-allow-credentials" not in read.headers
    assert httpx.post(f"{address}/api/chat", json=QUESTION, headers=headers).status_code == 200
    for path in ("/gradio_api/queue/join", "/v1/chat/completions", "/gradio_api/cancel", "/api/holdings", "/admin"):
        assert httpx.post(f"{address}{path}", json={}, headers=headers).status_code == 403


def test_preflight_is_granted_to_allowed_sites_only(address: str) -> None:
    def preflight(origin: str) -> httpx.Response:
        asked = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type",
        }
        return httpx.options(f"{address}/api/chat", headers=asked)

    assert preflight(SITE).headers["access-control-allow-origin"] == SITE
    assert "access-control-allow-origin" not in preflight("https://evil.invalid").headers


def test_every_site_may_ask_whether_it_is_allowed(address: str) -> None:
    def config(origin: str) -> httpx.Response:
        return httpx.get(f"{address}/api/widget/config", headers={"origin": origin})

    denied = config("https://evil.invalid")
    assert denied.headers["access-control-allow-origin"] == "*"
    assert (denied.json()["allowed"], denied.json()["code"]) == (False, "origin_not_allowed")
    assert 'Add "https://evil.invalid" to widget_origins' in denied.json()["message"]
    assert "serve it over HTTP" in config("null").json()["message"]
    assert config(SITE).headers["access-control-allow-origin"] == SITE
    assert config(SITE).json()["allowed"] is True


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",
        "/gradio_api/file=http://127.0.0.1/",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file/http://127.0.0.1/",
        "/gradio_api/proxy=http://127.0.0.1/",
        "/gradio_api/openapi.json",
        "/gradio_api/token",
        "/gradio_api/user",
        "/gradio_api/runs",
        "/gradio_api/run-history/records",
        "/gradio_api/deep_link",
        "/gradio_api/vibe-code",
        "/gradio_api/run/ask",
        "/gradio_api/call/ask",
        "/gradio_api/api/ask",
        "/gradio_api/component_server",
        "/gradio_api/dev/reload",
        "/gradio_api/../etc/passwd",
        "/monitoring",
        "/monitoring/summary",
        "/login",
        "/logout",
        "/pwa_icon",
        "/docs",
        "//gradio_api/upload",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/assets/%2e%2e/%2e%2e/routes.py",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_the_chat_does_not_need_is_not_there(address: str, method: str, path: str) -> None:
    response = httpx.request(method, f"{address}{path}")
    assert response.status_code in ((403, 404) if method == "GET" else (403, 404, 405))
    assert "root:" not in response.text
    assert "import" not in response.text


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/config", "application/json"),
        ("/gradio_api/info", "application/json"),
        ("/static/app.css", "text/css"),
        ("/static/page.js", "text/javascript"),
        ("/static/icon.svg", "image/svg+xml"),
        ("/widget.js", "text/javascript"),
        ("/demo", "text/html"),
        ("/embed", "text/html"),
        ("/frame", "text/html"),
        ("/openapi.json", "application/json"),
        ("/manifest.json", "application/json"),
        ("/favicon.ico", "image/svg+xml"),
        ("/healthz", "application/json"),
        ("/metrics", "text/plain"),
    ],
)
def test_what_the_pages_need_is_there_with_its_type_and_the_policy(address: str, path: str, kind: str) -> None:
    response = httpx.get(f"{address}{path}")
    assert response.status_code == 200
    assert response.headers["content-type"].split(";")[0] == kind
    policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == (f"'self' {SITE}" if path == "/frame" else "'self'")
    assert ("unsafe-inline" in policy["style-src"]) == path.startswith(("/gradio", "/config")) or path == "/"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"
    assert response.headers["cross-origin-resource-policy"] == (
        "cross-origin" if path == "/widget.js" else "same-origin"
    )
    assert "server" not in response.headers


def test_the_page_has_no_inline_script_and_names_no_other_host(address: str) -> None:
    page = httpx.get(f"{address}/").text
    assert "<script" in page
    assert all("src=" in tag.split(">")[0] for tag in page.split("<script")[1:])
    assert "http" not in page.replace(address, "")
    assert "<title>Ask the documents</title>" in page


def test_what_never_changes_is_not_asked_for_again(address: str) -> None:
    page = httpx.get(f"{address}/").text
    assets = re.findall(r'"(?:\./|/)?((?:assets|static/v)/[^"]+\.(?:js|css))"', page)
    assert len(assets) > 40
    for path in assets:
        assert "immutable" in httpx.get(f"{address}/{path}").headers["cache-control"]
    for path in ("/", "/static/page.js", "/static/v/000000000000/page.js", "/config", "/assets/index-00000000.js"):
        assert "immutable" not in httpx.get(f"{address}{path}").headers.get("cache-control", "")


def test_the_scripts_of_the_page_are_fetched_side_by_side(address: str) -> None:
    page = httpx.get(f"{address}/").text
    (script,) = re.findall(r'<script type="module" src="(/static/[^"]+)">', page)
    told = re.findall(r'<link rel="modulepreload" href="(/static/[^"]+)">', page)
    assert len(told) == len(set(told)) > 8
    imported = {script}
    for path in (script, *told):
        names = re.findall(r"'\./(\w+\.js)'", httpx.get(address + path).text)
        imported |= {script.replace("page.js", name) for name in names}
    assert {script, *told} == imported


def test_a_body_above_the_limit_is_refused(address: str) -> None:
    body = b" " * (1 << 20) + b"x"
    headers = {"content-type": "application/json"}

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(body), 1 << 16):
            yield body[start : start + (1 << 16)]

    for content in (body, chunks()):
        response = httpx.post(f"{address}/api/chat", content=content, headers=headers)
        assert (response.status_code, code_of(response)) == (413, "too_large")


def test_too_many_questions_are_put_off(tmp_path: Path) -> None:
    with running(LexicalPipeline(), settings(tmp_path, requests_per_minute=2)) as address:
        replies = [httpx.post(f"{address}/api/chat", json=QUESTION) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [200, 200, 429]
        assert 1 <= int(replies[2].headers["retry-after"]) <= 30
        assert code_of(replies[2]) == "too_many_requests"
        assert httpx.post(f"{address}/v1/chat/completions", json={}).status_code == 429
        joined = httpx.post(f"{address}/gradio_api/queue/join", json={})
        seconds = joined.headers["retry-after"]
        assert (joined.status_code, joined.json()["detail"]) == (429, f"Too many questions; try again in {seconds} s.")
        assert httpx.get(f"{address}/api/documents/{LEAVE.id}").status_code == 200


def test_of_ten_thousand_questions_of_one_address_only_the_allowed_reach_the_server(tmp_path: Path) -> None:
    served: list[bytes] = []
    statuses: list[int] = []
    waits: set[bytes] = set()
    metrics = Metrics()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # as every application has it
        served.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
            waits.update(value for name, value in message["headers"] if name == b"retry-after")

    async def ask_all() -> None:
        still = partial(TokenBuckets, clock=lambda: 0.0)
        guard = Guard(
            app,
            Policy(hosts=("127.0.0.1",), burst=20),
            Sites(settings(tmp_path), time.time),
            metrics,
            lambda _, per_minute, burst: still(per_minute, burst),
        )
        for number in range(10_000):
            body = json.dumps({"question": f"Question {number}?"}).encode()

            async def receive(body: bytes = body) -> Message:
                return {"type": "http.request", "body": body, "more_body": False}

            headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
            scope = {"type": "http", "method": "POST", "path": "/api/chat", "headers": headers, "query_string": b""}
            await guard({**scope, "scheme": "http", "client": ("203.0.113.7", 9)}, receive, send)

    asyncio.run(ask_all())
    assert [json.loads(body)["question"] for body in served] == [f"Question {number}?" for number in range(20)]
    assert statuses == [200] * 20 + [429] * 9_980
    assert waits == {b"1"}
    assert metrics.load()["refused"] == 9_980


def test_a_bucket_fills_again_and_belongs_to_one_address() -> None:
    now = 0.0
    buckets = TokenBuckets(per_minute=60, burst=2, clock=lambda: now)
    assert [buckets.wait("a") for _ in range(3)] == [0.0, 0.0, 1.0]
    assert buckets.wait("b") == 0.0
    now = 0.25
    assert buckets.wait("a") == pytest.approx(0.75)
    now = 1.0
    assert [buckets.wait("a"), buckets.wait("a")] == [0.0, pytest.approx(1.0)]
    now = 1000.0
    assert [buckets.wait("a") for _ in range(3)] == [0.0, 0.0, 1.0]


def test_buckets_are_bounded() -> None:
    buckets = TokenBuckets(per_minute=60, burst=1, keys=2, clock=lambda: 0.0)
    for key in "abc":
        assert buckets.wait(key) == 0.0
    assert buckets.wait("a") == 0.0  # forgotten, so new
    assert buckets.wait("c") > 0.0
