"""A language model behind an address: any server that speaks the OpenAI interface."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from index.errors import ContextTooSmall, ModelFailed
from rag.writer.llm import Message, read_chunk, request
from rag.writer.relay import Emit, relay

if TYPE_CHECKING:
    import httpx

CONNECT_S = 5.0
RETRY_AFTER_S = (0.3, 0.9)
"""Seconds before each further attempt, where nothing has been received and another attempt may succeed."""
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_MAX_LINE = 65_536
_MAX_BODY = 4_000_000


class _Passing(ModelFailed):
    """A failure that may pass."""


class ServerLLM:
    """A model of a server. Each reply has a connection of its own, so that leaving ends it on both sides."""

    def __init__(self, url: str, model: str, key: str | None, timeout_s: float) -> None:
        self._url = url.rstrip("/") + "/chat/completions"
        self._model = model
        self._key = key
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        """See `LLM`; here the name that the server knows."""
        return self._model

    def stream(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        """See `LLM`."""
        call = _Call(self._url, self._key, request(messages) | {"model": self._model}, self._timeout_s)
        yield from relay(call.produce, self._timeout_s, call.interrupt)


class _Call:
    """One request, with further attempts. `interrupt` may be called from another thread at any time."""

    def __init__(self, url: str, key: str | None, body: dict[str, Any], timeout_s: float) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._body = body
        self._timeout_s = timeout_s
        self._interrupted = threading.Event()
        self._socket: socket.socket | None = None

    def interrupt(self) -> None:
        self._interrupted.set()
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for data; closing would not
            except OSError:
                return  # closed already

    def produce(self, emit: Emit) -> None:
        for delay in RETRY_AFTER_S:
            try:
                return self._attempt(emit)
            except _Passing:
                if self._interrupted.wait(delay):
                    return None
        return self._attempt(emit)

    def _attempt(self, emit: Emit) -> None:
        import httpx

        # A proxy of the environment is the way out of this machine, not the way to a server on it.
        client = httpx.Client(
            timeout=httpx.Timeout(self._timeout_s, connect=CONNECT_S), trust_env=not _is_loopback(self._url)
        )
        trace = {"trace": self._traced}
        try:
            with (
                client,
                client.stream("POST", self._url, json=self._body, headers=self._headers, extensions=trace) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise self._refused(response)
                self._read(response, emit)
        except httpx.ReadTimeout as error:
            raise ModelFailed(f"{self._url} was silent for {self._timeout_s:g} seconds.") from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _Passing(f"No server answers at {self._url}: {error}.", "Start it, or correct llm_url.") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ModelFailed(f"The connection to {self._url} broke off: {error or type(error).__name__}.") from error

    def _traced(self, event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._interrupted.is_set():  # before there was anything to shut down
                self.interrupt()

    def _read(self, response: httpx.Response, emit: Emit) -> None:
        if response.headers.get("content-type", "").startswith("application/json"):  # it cannot stream
            emit(read_chunk(_json(_bounded(response, _MAX_BODY)))[0])
            return
        if response.headers.get("content-type", "").startswith("text/html"):
            raise ModelFailed(
                f"{self._url} is a web page, not a model's interface.", "Check llm_url; it often ends in /v1."
            )
        complete = False
        for data in _events(response):
            if data == "[DONE]":
                return
            text, finished = read_chunk(_json(data))
            complete = complete or finished
            if text and emit(text):
                return
        if not complete:
            raise ModelFailed(f"{self._url} broke off in the middle of its answer.")

    def _refused(self, response: httpx.Response) -> ModelFailed:
        status = response.status_code
        if status in (401, 403):
            return ModelFailed(f"{self._url} refuses the key (HTTP {status}).", "Set CITECHAT_LLM_KEY or llm_key_file.")
        body = _bounded(response, _MAX_LINE)
        if status == 404:
            return ModelFailed(
                f"{self._url} has no model {self._body['model']!r} (HTTP 404).",
                "Correct --llm, or llm_url (often /v1).",
            )
        try:
            read_chunk(json.loads(body))
            reported = ""
        except ModelFailed as error:
            if isinstance(error, ContextTooSmall) or not (error.remedy or status in _PASSING):
                return error
            reported = "" if error.remedy else f" {error.problem}"
        except ValueError:
            reported = ""
        kind = _Passing if status in _PASSING else ModelFailed
        return kind(f"{self._url} answers with HTTP {status}.{reported}")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _events(response: httpx.Response) -> Iterator[str]:
    """Yield the data of server-sent events; lines and the whole are bounded."""
    rest, received = b"", 0
    for piece in response.iter_bytes():
        received += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > _MAX_LINE or received > _MAX_BODY:
            raise ModelFailed("The server sends more than an answer.", "Check llm_url.")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].decode(errors="replace").strip()


def _bounded(response: httpx.Response, limit: int) -> str:
    body = b""
    for piece in response.iter_bytes():
        body += piece
        if len(body) > limit:
            break
    return body[:limit].decode(errors="replace")


def _json(text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    return value
