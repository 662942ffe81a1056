"""Whatever is sent to what the interface describes, no reply is a 500 and each refusal says what is wrong."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import web
from tests.web import LEAVE, LexicalPipeline, running

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=30))
JSON = st.one_of(SCALARS, st.lists(SCALARS, max_size=4), st.dictionaries(st.text(max_size=12), SCALARS, max_size=4))
NAMES = ("question", "conversation_id", "message_id", "value", "reason", "model", "messages", "stream", "n", "tools")
BODIES = st.one_of(
    JSON,
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4),
    st.fixed_dictionaries({"question": st.text(max_size=40)}, optional={"conversation_id": st.text(max_size=70)}),
    st.fixed_dictionaries(
        {
            "model": st.sampled_from(["citechat", "other"]),
            "messages": st.lists(
                st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "tool"]), "content": JSON}),
                max_size=3,
            ),
        },
        optional={"stream": JSON, "stream_options": JSON, "n": JSON},
    ),
).map(lambda body: json.dumps(body).encode())
HEADER = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    sites = {"docs": {"origins": ["https://docs.example"]}}
    chosen = web.settings(tmp_path_factory.mktemp("home"), sites=sites, admin_token="a token of the operator")
    with running(LexicalPipeline(), chosen) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def paths(client: httpx.Client) -> list[str]:
    described: dict[str, Any] = client.get("/openapi.json").json()["paths"]
    assert {"/api/chat", "/v1/chat/completions", "/api/documents/{document_id}"} <= described.keys()
    return [*described, "/admin/login", "/admin/documents", "/admin/cases/{case}", "/frame", "/embed"]


def check(reply: httpx.Response) -> None:
    assert reply.status_code < 500, reply.text
    if reply.status_code >= 400 and reply.headers.get("content-type") == "application/json" and reply.content:
        problem = reply.json()
        assert problem["detail"]
        assert set(problem.get("error", {})) in (set(), {"message", "type", "param", "code"})  # none: said by Gradio
    assert "Traceback" not in reply.text


@settings(max_examples=60)
@given(data=st.data())
def test_nothing_that_is_sent_breaks_it(client: httpx.Client, paths: list[str], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths))
    parameter = data.draw(st.sampled_from([LEAVE.id, "x", "%00", "..", "a" * 300, "🌍", "-1"]))
    for name in ("document_id", "message_id", "name", "case"):
        path = path.replace(f"{{{name}}}", parameter)
    headers = {"content-type": data.draw(st.sampled_from(["application/json", "text/plain", "multipart/form-data"]))}
    for name in data.draw(st.sets(st.sampled_from(["authorization", "origin", "cookie", "x-forwarded-for"]))):
        headers[name] = data.draw(HEADER | st.sampled_from(["https://docs.example", "null"]))
    query = data.draw(st.dictionaries(st.sampled_from(["site", "start", "end"]), st.text(max_size=20), max_size=3))
    body = data.draw(BODIES | st.binary(max_size=60))
    check(client.request(data.draw(st.sampled_from(METHODS)), path, headers=headers, params=query, content=body))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"\xff\xfe", 422),
        (b"[" * 100_000, 400),
        (b'{"question": "\\ud800"}', 422),
        (json.dumps({"question": "x" * (1 << 20)}).encode(), 413),
        (json.dumps({"question": "x" * 900_000}).encode(), 422),
        (b'{"question": 1e400}', 422),
        (b'{"question": "soup?", "unknown": 1}', 200),
    ],
)
def test_a_body_that_is_none(client: httpx.Client, body: bytes, status: int) -> None:
    reply = client.post("/api/chat", content=body, headers={"content-type": "application/json"})
    check(reply)
    assert reply.status_code == status


def test_a_flood_of_one_address_is_answered_shortly(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A thousand requests, as fast as one connection can send them."""
    home = tmp_path_factory.mktemp("home")
    with running(LexicalPipeline(), web.settings(home, requests_per_minute=60)) as address:
        port = int(address.rsplit(":", 1)[1])
        request = b"GET /api/holdings HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        counts: dict[bytes, int] = {}
        with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as replies:
            for _ in range(100):
                connection.sendall(request * 10)
                for _ in range(10):
                    status = replies.readline().split()[1]
                    counts[status] = counts.get(status, 0) + 1
                    length = 0
                    while (line := replies.readline().lower()) != b"\r\n":
                        length = int(line.split()[1]) if line.startswith(b"content-length") else length
                    replies.read(length)
        assert counts.keys() == {b"200", b"429"}
        assert counts[b"200"] < 400
        assert httpx.get(f"{address}/healthz").status_code == 200
