"""Clients that do not send, do not read, or do not stop; and a server that is told to end."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.test_api import events_of
from tests.web import LexicalPipeline, running, settings
from ui.web.app import build_app, listen, server_for
from ui.web.stream import Streams


def connect(address: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])))
    connection.settimeout(10)
    return connection


def ends(connection: socket.socket) -> bool:
    try:
        return connection.recv(1000) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_a_head_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr("ui.web.connection.HEAD_SECONDS", 0.3)
    with running(LexicalPipeline(), settings(tmp_path)) as address, connect(address) as connection:
        connection.sendall(sent)
        begun = time.monotonic()
        assert ends(connection)
        assert 0.2 < time.monotonic() - begun < 5
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_a_body_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.web.app.BODY_SECONDS", 0.3)
    with running(LexicalPipeline(), settings(tmp_path)) as address, connect(address) as connection:
        head = b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        connection.sendall(head + b'Content-Length: 100\r\n\r\n{"question": ')
        assert connection.recv(1000).split(b"\r\n")[0] == b"HTTP/1.1 408 Request Timeout"


def test_a_client_that_does_not_read_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.web.connection.READ_SECONDS", 0.3)
    with (
        running(LexicalPipeline(), settings(tmp_path)) as address,
        connect(address) as connection,
        pytest.raises(ConnectionError),
    ):
        send_without_end(connection)


def send_without_end(connection: socket.socket) -> None:
    for _ in range(300):
        connection.sendall(b"GET /static/app.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100)
        time.sleep(0.01)


def test_who_leaves_frees_the_work_at_once(tmp_path: Path) -> None:
    pipeline = LexicalPipeline(delay=0.02)
    with running(pipeline, settings(tmp_path)) as address:
        with httpx.stream("POST", f"{address}/api/chat", json={"question": "days of leave in the portal"}) as reply:
            pieces = reply.iter_text()
            next(pieces)
            assert pipeline.running == 1
        left = time.monotonic()
        while pipeline.running and time.monotonic() - left < 5:
            time.sleep(0.005)
        assert time.monotonic() - left <= 0.2


def test_an_answer_under_way_is_finished_before_the_end(tmp_path: Path) -> None:
    pipeline = LexicalPipeline(delay=0.05)
    with listen("127.0.0.1", 0) as listener:
        server = server_for(build_app(pipeline, settings(tmp_path)), listener, shutdown_seconds=10)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.stream("POST", f"{address}/api/chat", json={"question": "days of leave in the portal"}) as reply:
            pieces = reply.iter_text()
            text = next(pieces)
            server.should_exit = True
            text += "".join(pieces)
        assert events_of(text)[-1]["type"] == "done"
        thread.join(5)
        assert not thread.is_alive()


def test_an_answer_that_takes_too_long_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as listener:
        server = server_for(build_app(LexicalPipeline(delay=3), settings(tmp_path)), listener, shutdown_seconds=1)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.stream("POST", f"{address}/api/chat", json={"question": "days of leave in the portal"}) as reply:
            pieces = reply.iter_text()
            next(pieces)
            server.should_exit = True
            thread.join(8)
            assert not thread.is_alive()


def test_too_many_waiting_questions_are_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.web.stream.MAX_WAITING", 0)
    monkeypatch.setattr(Streams.__init__, "__defaults__", (1, None, None))
    with running(LexicalPipeline(delay=0.2), settings(tmp_path)) as address:
        question = {"question": "days of leave in the portal"}
        with httpx.stream("POST", f"{address}/api/chat", json=question) as reply:
            pieces = reply.iter_text()
            next(pieces)
            refused = httpx.post(f"{address}/api/chat", json=question)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
        assert refused.headers["retry-after"] == "5"
