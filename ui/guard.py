"""The outermost layer of the web server: who may ask what, how often, and what the browser may do with the reply.

It is one pure ASGI middleware, so nothing of the application (and nothing of Gradio) runs before it has agreed:

====================================  =======================================================================
a ``Host`` that is not ours           421: a foreign name that resolves to this machine (DNS rebinding)
another site's request                403, if it would change something or read documents
a Gradio route that the chat needs    passes; every other one answers 404
a body above the limit                413, also when its length was not announced
too many questions from an address    429 with ``Retry-After``
an error that nobody expected         500, and nothing about it but in the log
====================================  =======================================================================
"""

from __future__ import annotations

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

from ui.problems import message_of, problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PUBLIC = frozenset({"/api/widget/config"})
"""Paths under ``/api`` that any site may read: a site that is not allowed learns here that it is not."""

_GRADIO = re.compile(
    r"/(?:gradio_api/(?:info|startup-events|app_id|queue/(?:join|data)|cancel|reset|heartbeat/\w+|theme\.css)/?"
    r"|config|theme\.css|robots\.txt|(?:assets|svelte)/.*)?"
)
_OURS = re.compile(r"/(?:api|chat|v1|static)/.*|/(?:widget\.js|demo|healthz|metrics|manifest\.json|favicon\.ico)")
_COSTLY = re.compile(r"/api/(?:chat|feedback)|/chat/uploads|/v1/chat/completions|/gradio_api/queue/join/?")

_UPLOAD = "/chat/uploads"

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the guard allows.

    ``hosts`` are names without port; ``widget_origins`` are origins such as ``https://example.org`` that may use
    ``/api``; ``max_body`` and ``max_upload`` (for documents) are in bytes. An address may send ``burst`` questions at
    once and ``requests_per_minute`` in the long run.
    """

    hosts: tuple[str, ...]
    widget_origins: tuple[str, ...] = ()
    requests_per_minute: int = 60
    burst: int = 20
    max_body: int = 1 << 20
    max_upload: int = 1 << 20


class TokenBuckets:
    """A token bucket for each key. The least recently used keys are forgotten, which refills them."""

    def __init__(
        self, per_minute: int, burst: int, keys: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._keys = keys
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        now = self._clock()
        then, tokens = self._buckets.pop(key, (now, float(self._burst)))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        taken = tokens >= 1
        self._buckets[key] = (now, tokens - taken)
        while len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - tokens) / self._rate


class Guard:
    """See the module."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self.app = app
        self.policy = policy
        self._hosts = frozenset(host.lower() for host in policy.hosts)
        self._origins = frozenset(policy.widget_origins)
        self._buckets = TokenBuckets(policy.requests_per_minute, policy.burst)
        self._csp = " ".join((_CSP, *policy.widget_origins))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, self._with_headers(scope["path"], send))
        else:  # there are no websockets here
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is None and scope["method"] not in _SAFE_METHODS:
            limit = self.policy.max_upload if scope["path"] == _UPLOAD else self.policy.max_body
            body = await _read_body(Headers(scope=scope), receive, limit)
            if body is None:
                refusal = problem(413, f"A request may have {limit} bytes.")
            else:
                receive = _replay(body, receive)
        await (refusal or self._shielded)(scope, receive, send)

    async def _shielded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; an error that it did not expect becomes a reply like any other."""
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:
            if begun:
                raise
            await problem(500, message_of(error))(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return problem(421, "This server does not answer to that name; see allowed_hosts.")
        if not (_OURS.fullmatch(path) or _GRADIO.fullmatch(path)):
            return problem(404, "There is nothing here.")
        private = path.startswith(("/api/", "/chat/", "/v1/", "/metrics")) and path not in _PUBLIC
        if (method not in _SAFE_METHODS or private) and not self._may_call(headers, path):
            return problem(403, "This site may not use the server; see widget_origins.")
        if method == "POST" and _COSTLY.fullmatch(path):
            client = scope.get("client")
            wait = self._buckets.wait(client[0] if client else "")
            if wait:
                return problem(429, "Too many questions; wait a moment.", headers={"Retry-After": str(math.ceil(wait))})
        return None

    def _is_ours(self, host: str) -> bool:
        return "*" in self._hosts or _name(host) in self._hosts

    def _may_call(self, headers: Headers, path: str) -> bool:
        """Tell whether the page that sends this request is ours or an allowed one. Programs send no origin."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        if urlsplit(origin).netloc.lower() == headers["host"].lower():
            return True
        return origin in self._origins and path.startswith("/api/")

    def _with_headers(self, path: str, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._csp
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "cross-origin" if path == "/widget.js" else "same-origin"
            await send(message)

        return send_with_headers


def _name(host: str) -> str:
    """Return a ``Host`` header without its port."""
    return re.sub(r":\d*$", "", host).lower()


async def _read_body(headers: Headers, receive: Receive, limit: int) -> bytes | None:
    """Return the whole body, or ``None`` if it is longer than ``limit`` bytes."""
    announced = headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > limit:
        return None
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            return None
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives ``body`` once and then what ``receive`` gives (the disconnect)."""
    pending: Iterable[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])
    messages = iter(pending)

    async def replay() -> Message:
        message = next(messages, None)
        return message if message is not None else await receive()

    return replay
