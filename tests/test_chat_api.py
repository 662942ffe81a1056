"""What the chat page's scripts ask for, asked by a client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.web import LEAVE, LexicalPipeline, running, settings

SITE = "https://allowed.example"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    chosen = settings(tmp_path_factory.mktemp("home"), widget_origins=(SITE,))
    with running(LexicalPipeline(), chosen) as address:
        yield address


@pytest.fixture(scope="module")
def message(address: str) -> str:
    reply = httpx.post(f"{address}/api/chat", json={"question": "How many days of leave?"}).text
    return (
        reply.rpartition('"message_id": "')[2].partition('"')[0]
        or reply.rpartition('"message_id":"')[2].partition('"')[0]
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/chat/history"),
        ("DELETE", "/chat/history"),
        ("GET", "/chat/start"),
        ("GET", "/chat/facets"),
        ("GET", "/chat/answers/x/sources/1"),
        ("POST", "/chat/uploads?name=a.txt"),
    ],
)
@pytest.mark.parametrize("origin", [SITE, "https://evil.invalid", "null"])
def test_no_other_site_gets_anything_not_even_one_with_the_widget(
    address: str, method: str, path: str, origin: str
) -> None:
    assert httpx.request(method, f"{address}{path}", headers={"origin": origin}).status_code == 403


def test_the_cookie_is_set_by_the_page_alone(address: str) -> None:
    assert "HttpOnly; SameSite=Lax" in httpx.get(address).headers["set-cookie"]
    for path in ("/chat/start", "/chat/history", "/widget.js", "/demo", "/api/widget/config"):
        assert "set-cookie" not in httpx.get(address + path).headers


def test_a_made_up_visitor_has_no_history(address: str) -> None:
    for cookie in ("x" * 43, "", "'; DROP", "x" * 5000):
        reply = httpx.get(f"{address}/chat/history", headers={"cookie": f"citechat_visitor={cookie}"})
        assert reply.json() == {"conversations": []}
    assert httpx.get(f"{address}/chat/history/made-up/export").status_code == 404


def test_uploads_are_refused_unless_the_operator_allows_them(address: str) -> None:
    sent = httpx.post(f"{address}/chat/uploads?name=a.txt", content=b"Text.")
    assert (sent.status_code, httpx.get(f"{address}/chat/start").json()["uploads"]) == (403, None)


def test_an_upload_is_bounded_and_of_one_type(tmp_path: Path) -> None:
    with running(LexicalPipeline(), settings(tmp_path, uploads=True, max_upload_mib=1)) as address:

        def send(content: bytes, kind: str = "application/octet-stream", name: str = "a.txt") -> httpx.Response:
            return httpx.post(
                f"{address}/chat/uploads", params={"name": name}, content=content, headers={"content-type": kind}
            )

        assert send(b"Text.").json()["results"][0]["status"] == "added"
        assert send(b"Text.", "text/plain").status_code == 415
        assert send(b"x" * (2**20 + 1)).status_code == 413
        assert send(b"Text.", name=".txt").status_code == 422
        assert send(b"Text.", name="x" * 501).status_code == 422


def test_a_source_is_the_whole_document_with_the_quote_marked(address: str, message: str) -> None:
    body = httpx.get(f"{address}/chat/answers/{message}/sources/1").json()
    assert "".join("".join(text for text, _ in block["parts"]) + block["gap"] for block in body["blocks"]) == LEAVE.text
    assert [text for block in body["blocks"] for text, n in block["parts"] if n == 1] == [
        "Every employee gets 25 days of paid leave a year."
    ]
    assert (body["can_draw"], body["also"], body["also_in"]) == (False, [], [])


@pytest.mark.parametrize("path", ["sources/99", "sources/0", "sources/1/page", "references?style=bibtex", "follow-ups"])
def test_what_is_not_there_is_told(address: str, message: str, path: str) -> None:
    assert httpx.get(f"{address}/chat/answers/unknown/{path}").status_code == 404
    if path.startswith("sources"):
        assert httpx.get(f"{address}/chat/answers/{message}/{path}").status_code == 404


def test_references_come_in_the_readers_language(address: str, message: str) -> None:
    reply = httpx.get(f"{address}/chat/answers/{message}/references?style=text", headers={"accept-language": "de"})
    assert "01.02.2025" in reply.json()["text"]
