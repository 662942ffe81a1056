"""Starting the web server."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from index.errors import InputError
from tests.web import LexicalPipeline, running, settings
from ui.web.app import listen, serve


def test_a_port_in_use_is_named_with_the_remedy(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port}.*--port {port + 1}"):
            serve(LexicalPipeline(), settings(tmp_path, port=port))


def test_an_address_that_is_not_ours_cannot_be_bound() -> None:
    with pytest.raises(InputError, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_it_says_where_it_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(LexicalPipeline(), settings(tmp_path)) as address:
        assert f"Ask at {address} " in capsys.readouterr().out


def test_what_gradio_asks_at_every_question_has_no_fonts_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MPLBACKEND", raising=False)
    script = "import sys, matplotlib; matplotlib.get_backend(); assert 'matplotlib.font_manager' not in sys.modules"
    with running(LexicalPipeline(), settings(tmp_path)):
        assert "matplotlib" in sys.modules  # imported before anybody waits for it
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_nobody_outside_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def record(host: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # as the function it stands before
        asked.append(host)
        return look_up(host, *args, **options)

    def record_connection(self: socket.socket, address: tuple[Any, ...]) -> None:
        asked.append(address[0])
        connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", record)
    monkeypatch.setattr(socket.socket, "connect", record_connection)
    with running(LexicalPipeline(), settings(tmp_path)) as address:
        for path in ("/", "/config", "/gradio_api/info"):
            assert httpx.get(address + path).status_code == 200
        httpx.post(f"{address}/api/chat", json={"question": "soup?"})
    assert set(asked) <= {"127.0.0.1", b"127.0.0.1"}
