"""Language-model servers on loopback: llama.cpp's own, and small ones that misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rag.models import gguf_file

TINY = "smollm2-135m-instruct"
KEY = "the-right-key"


@cache
def llama_cpp(context: int = 2048) -> str:
    """Start llama.cpp's server with the smallest model, once for all tests, and return its address."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(gguf_file(TINY))
    params.n_ctx = context
    params.n_parallel = 1
    params.offline = True
    params.verbosity = -1
    params.api_keys = [KEY]
    params.warmup = params.ui = False
    _RUNNING.append(xllamacpp.Server(params))
    return f"{_RUNNING[-1].listening_address}/v1"


_RUNNING: list[Any] = []


@dataclass
class Seen:
    """What a server was asked, and whether its client has hung up."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)


class Client:
    """What a behaviour can do to its client."""

    def __init__(self, handler: BaseHTTPRequestHandler, number: int) -> None:
        self.number = number
        self._handler = handler

    def head(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", kind)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()

    def raw(self, content: bytes) -> None:
        self._handler.wfile.write(content)
        self._handler.wfile.flush()

    def say(self, text: str, finish: str | None = None) -> None:
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
        self.raw(b"data: " + json.dumps({"object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n")

    def end(self) -> None:
        self.say("", "stop")
        self.raw(b"data: [DONE]\n\n")


Behaviour = Callable[[Client], None]


@contextmanager
def serving(behave: Behaviour) -> Iterator[tuple[str, Seen]]:
    """Serve a behaviour on loopback; give its address and what it has seen."""
    seen = Seen()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            seen.keys.append(self.headers["Authorization"])
            try:
                behave(Client(self, len(seen.bodies)))
            except OSError:
                seen.left.set()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1", seen
        finally:
            server.shutdown()


def saying(text: str) -> Behaviour:
    """Answer with a text, word by word."""

    def behave(client: Client) -> None:
        client.head()
        for word in text.split(" "):
            client.say(word + " ")
        client.end()

    return behave


def endless(client: Client) -> None:
    """Answer for ever."""
    client.head()
    while True:
        client.say("and so on ")
        time.sleep(0.01)


def silent(client: Client) -> None:
    """Answer with headers, then with comments that keep the connection open."""
    client.head()
    while True:
        client.raw(b": wait\n\n")
        time.sleep(0.02)


def garbage(client: Client) -> None:
    """Answer with another protocol's bytes."""
    client.head()
    client.raw(b"data: \xff\xfe{not json\n\n")


def page(client: Client) -> None:
    """Answer as a web site would."""
    client.head(kind="text/html")
    client.raw(b"<!doctype html><title>Welcome</title>")


def flood(client: Client) -> None:
    """Answer with one line that does not end."""
    client.head()
    while True:
        client.raw(b"x" * 65_536)


def broken(client: Client) -> None:
    """Begin an answer and hang up."""
    client.head()
    client.say("Marco Rubio and ")
