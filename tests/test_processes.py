"""Two web servers on one database, behind a proxy that asks them in turn: nobody notices which one answers."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from index.store.opening import open_server
from tests.postgres import Postgres
from tests.processes import Process, processes, proxied
from tests.stores import Place
from tests.test_api import events_of
from ui.admin.sessions import FREE_FAILURES

SITE = "https://news.example"
TOKEN = "a token of the operator"
QUESTION = "When does the canteen open?"


@dataclass(frozen=True, slots=True)
class House:
    """Two servers, the address of the proxy before them, and the folder that they share."""

    servers: list[Process]
    proxy: str
    folder: Path
    schema: str


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("processes")
    options: dict[str, Any] = {
        "sites": {"news": {"origins": [SITE]}},
        "admin_token": TOKEN,
        "trusted_proxies": ["127.0.0.1"],
        "allowed_hosts": ["127.0.0.1"],
        "shared_folder": str(folder / "shared"),
    }
    with postgres.schema() as schema:
        place = Place(folder / "home", postgres.url(), schema)
        with processes(place, 2, **options) as servers, proxied(servers, folder) as proxy:
            yield House(servers, proxy, folder, schema)


def greeting(address: str) -> dict[str, str]:
    token = httpx.get(f"{address}/api/widget/config?site=news", headers={"origin": SITE}).json()["token"]
    return {"origin": SITE, "authorization": f"Bearer {token}"}


def ask(address: str, headers: dict[str, str], question: str, conversation: str | None = None) -> dict[str, Any]:
    body = {"question": question, "conversation_id": conversation}
    reply = httpx.post(f"{address}/api/chat", json=body, headers=headers, timeout=60)
    assert reply.status_code == 200, reply.text
    return events_of(reply.text)[-1]


def test_a_page_that_was_greeted_by_one_asks_the_other(house: House) -> None:
    one, other = (server.address for server in house.servers)
    headers = greeting(one)
    first = ask(other, headers, QUESTION)
    second = ask(one, headers, "And what does it serve?", first["conversation_id"])
    assert second["conversation_id"] == first["conversation_id"]
    assert second["usage"]["prompt_tokens"] > first["usage"]["prompt_tokens"]  # it knew what was asked before
    for address in (one, other):
        for done, question in ((first, QUESTION), (second, "And what does it serve?")):
            sources = httpx.get(f"{address}/api/answers/{done['message_id']}/sources", headers=headers).json()
            assert (sources["question"], sources["state"]) == (question, "complete")
            assert sources["sources"] or sources["nearest"]
        strangers = greeting(address)
        assert httpx.get(f"{address}/api/answers/{first['message_id']}/sources", headers=strangers).status_code == 404


def test_all_of_it_through_the_proxy_without_a_sticky_session(house: House) -> None:
    headers = greeting(house.proxy)
    conversation = None
    for number in range(6):
        done = ask(house.proxy, headers, f"{QUESTION} {number}", conversation)
        assert conversation in (None, done["conversation_id"])
        conversation = done["conversation_id"]
        verdict = {"message_id": done["message_id"], "value": "down", "reason": f"reason {number}"}
        assert httpx.post(f"{house.proxy}/api/feedback", json=verdict, headers=headers).json() == {"ok": True}
    with httpx.Client(base_url=house.proxy, timeout=60) as operator:
        assert operator.post("/admin/login", data={"password": TOKEN}).status_code == 303
        for number in range(4):  # each page comes from the next server
            shown = operator.get("/admin/feedback").text
            assert all(f"reason {reason}" in shown for reason in range(6)), number
            assert QUESTION in operator.get("/admin/conversations").text
        csrf = re.search(r'name="csrf" value="([^"]+)"', operator.get("/admin").text)
        assert csrf
        sent = operator.post(
            "/admin/documents",
            data={"csrf": csrf[1]},
            files=[("files", ("bridge.txt", b"The bridge opens on 4 May."))],
        )
        assert sent.status_code == 303
        assert "bridge.txt: added (1 passage)" in operator.get("/admin/documents").text
        assert (house.folder / "shared" / "uploads" / "bridge.txt").read_text() == "The bridge opens on 4 May."
        assert all(each["documents"] == 1 for each in holdings(house))
        assert operator.post("/admin/logout", data={"csrf": csrf[1]}).status_code == 303
        assert [operator.get("/admin").status_code for _ in range(4)] == [303] * 4


def holdings(house: House) -> list[dict[str, int]]:
    """What each server says of the index; what it kept of it is thrown away within a moment."""
    time.sleep(0.5)
    return [httpx.get(f"{server.address}/api/holdings").json() for server in house.servers]


def test_guessing_at_two_servers_is_no_faster_than_at_one(house: House) -> None:
    addresses = [server.address for server in house.servers]
    forwarded = {"x-forwarded-for": "203.0.113.9"}
    codes = [
        httpx.post(f"{addresses[n % 2]}/admin/login", data={"password": "wrong"}, headers=forwarded).status_code
        for n in range(FREE_FAILURES + 2)
    ]
    assert codes == [401] * FREE_FAILURES + [429] * 2
    assert httpx.post(f"{addresses[0]}/admin/login", data={"password": TOKEN}, headers=forwarded).status_code == 429
    assert httpx.post(f"{addresses[0]}/admin/login", data={"password": "wrong"}).status_code == 401


def test_the_chat_page_works_behind_the_proxy_and_lists_what_was_asked(house: House, browser: Browser) -> None:
    for _ in range(3):  # each reader has a cookie of their own, and so one server or the other
        context = browser.new_context(locale="en")
        page = context.new_page()
        page.goto(house.proxy)
        for question, words in ((QUESTION, "opens at noon"), ("What is served on Fridays?", "soup on Fridays")):
            box = page.get_by_role("textbox", name="Question")
            box.fill(question)
            box.press("Enter")
            expect(page.locator("#chat .bot").last).to_contain_text(words)
            page.wait_for_timeout(200)
        for _ in range(2):  # the list is asked for at each server in turn
            listed = page.evaluate("fetch('/chat/history').then(reply => reply.json())")
            assert [each["questions"] for each in listed["conversations"]] == [2]
        context.close()


def test_the_event_stream_of_the_chat_page_is_what_needs_one_server(house: House) -> None:
    """The reason for the one sticky path of ``docs/deploy/nginx.conf``: should it go, this tells."""
    one, other = (server.address for server in house.servers)
    asked = {"data": [QUESTION, "", "", ""], "fn_index": 0, "session_hash": "onesession"}
    assert httpx.post(f"{one}/gradio_api/queue/join", json=asked).status_code == 200
    stream = "/gradio_api/queue/data?session_hash=onesession"
    with suppress(httpx.RemoteProtocolError):  # it knows nothing of the question and breaks off
        assert "opens at noon" not in httpx.get(other + stream, timeout=30).text
    assert "opens at noon" in httpx.get(one + stream, timeout=30).text


def test_a_killed_server_costs_what_it_was_writing_and_nothing_that_was_acknowledged(house: House) -> None:
    headers = greeting(house.proxy)
    before = [ask(house.proxy, headers, f"{QUESTION} {number}") for number in range(4)]
    house.servers[0].end(signal.SIGKILL)
    try:
        for number in range(6):
            done = ask(house.proxy, headers, f"{QUESTION} again {number}", before[0]["conversation_id"])
            assert done["conversation_id"] == before[0]["conversation_id"]
        for each in before:
            reply = httpx.get(f"{house.proxy}/api/answers/{each['message_id']}/sources", headers=headers)
            assert reply.json()["state"] == "complete"
    finally:
        house.servers[0].start()


def test_an_open_chat_page_outlives_its_server(house: House, browser: Browser) -> None:
    context = browser.new_context(locale="en")
    page = context.new_page()
    page.goto(house.proxy)

    def ask_there() -> None:
        box = page.get_by_role("textbox", name="Question")
        box.fill(QUESTION)
        box.press("Enter")
        expect(page.locator("#chat .bot").last).to_contain_text("opens at noon", timeout=30_000)
        expect(page.get_by_role("button", name="Stop")).to_have_count(0)
        page.wait_for_timeout(300)

    ask_there()
    for server in house.servers:  # one of them is the page's
        server.end(signal.SIGKILL)
        try:
            ask_there()
        finally:
            server.start()
    listed = page.evaluate("fetch('/chat/history').then(reply => reply.json())")
    assert sum(each["questions"] for each in listed["conversations"]) == 3
    context.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_no_acknowledged_answer_or_judgement_is_lost_when_the_database_restarts(
    postgres: Postgres, house: House, how: signal.Signals
) -> None:
    headers = greeting(house.proxy)
    done: dict[str, str] = {}
    judged: list[str] = []
    problems: list[str] = []
    ended = threading.Event()

    def read() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            question = f"{QUESTION} {how.name} {threading.get_ident()} {number}"
            with suppress(httpx.TransportError):
                reply = httpx.post(f"{house.proxy}/api/chat", json={"question": question}, headers=headers, timeout=60)
                if reply.status_code != 200:
                    problems.append(reply.json()["error"]["code"])
                    time.sleep(0.1)
                    continue
                last = events_of(reply.text)[-1]
                if last["type"] != "done":
                    problems.append(last["code"])
                    continue
                done[last["message_id"]] = question
                verdict = {"message_id": last["message_id"], "value": "up"}
                if httpx.post(f"{house.proxy}/api/feedback", json=verdict, headers=headers).status_code == 200:
                    judged.append(last["message_id"])

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    try:
        time.sleep(1.5)
        postgres.stop(how)
        time.sleep(1)
        postgres.start()
        before = len(done)
        deadline = time.monotonic() + 30
        while len(done) < before + 8:
            assert time.monotonic() < deadline, "nothing is answered any more"
            time.sleep(0.05)
    finally:
        ended.set()
        for reader in readers:
            reader.join(60)
    assert set(problems) <= {"store_unavailable", "busy"}
    for message_id, question in done.items():
        found = httpx.get(f"{house.proxy}/api/answers/{message_id}/sources", headers=headers)
        assert (found.json()["question"], found.json()["state"]) == (question, "complete")
    server = open_server(postgres.url(), house.schema)
    kept = {message for (message,) in server.read("SELECT message FROM feedback")}
    server.close()
    assert set(judged) <= kept
