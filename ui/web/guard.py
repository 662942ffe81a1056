"""The outermost layer of the web server: who may ask what, how often, and what the browser may do with the reply.

It is one pure ASGI middleware, so nothing of the application (and nothing of Gradio) runs before it has agreed:

====================================  =======================================================================
a ``Host`` that is not ours           421: a foreign name that resolves to this machine (DNS rebinding)
a page of another site                403, unless the site is named in the settings; then a token is asked of it (401)
a Gradio route that the chat needs    passes; every other one answers 404
a body above the limit                413, also when its length was not announced
a body that does not end              408
too many requests                     429 with ``Retry-After``: from an address, or from all visitors of a site
an error that nobody expected         500, and nothing about it but in the log
====================================  =======================================================================
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders

from ui.kept.aside import aside
from ui.web.limits import (
    Bucketing,
    Network,
    TooLong,
    client_address,
    counted,
    own_buckets,
    read_body,
    replay,
)
from ui.web.problems import message_of, problem
from ui.web.sites import DEFAULT, ONLY_SITES, OWN, Denied, Sites, Visit, bearer, page_origin

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ui.web.metrics import Metrics

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _SAFE_METHODS | {"POST", "DELETE"}
_CONFIG = "/api/widget/config"
"""Any page may read this: one that is not allowed learns here what to change."""
_FOR_SITES = re.compile(r"/api/(?:chat|feedback|documents/[^/]+|answers/[^/]+/sources)")
"""What a token opens to a page of another site."""

_GRADIO = re.compile(
    r"/(?:gradio_api/(?:info|startup-events|app_id|queue/(?:join|data)|cancel|reset|heartbeat/\w+|theme\.css)/?"
    r"|config|theme\.css|robots\.txt|(?:assets|svelte)/.*)?"
)
_THEME = re.compile(rb"v=[0-9a-f]{64}")
"""With this query the theme's style sheet is named by its content, too."""
_OURS = re.compile(
    r"/(?:api|chat|v1|static|admin)/.*|/(?:admin|embed|frame|widget\.js|demo|healthz|metrics|openapi\.json|manifest\.json"
    r"|favicon\.ico)"
)
_PRIVATE = re.compile(r"/(?:api|chat|v1|admin)/.*|/(?:admin|metrics)")
"""What a page of another site may not even read."""
_FOR_ALL = re.compile(
    r"/(?:static/.*|admin|admin/.*|api/widget/config|embed|frame|demo|widget\.js|healthz|metrics|openapi\.json"
    r"|manifest\.json|favicon\.ico|robots\.txt)"
)
"""What is there for whoever has no token where only sites may ask: nothing of it shows a document to a visitor."""
_UPLOAD = re.compile(r"/admin/documents(?:/[0-9a-f]+/replace)?")
"""These bodies are large and read as they come, once the operator is known."""
_VISITOR_UPLOAD = "/chat/uploads"
_COSTLY = re.compile(r"/api/(?:chat|feedback)|/chat/uploads|/v1/chat/completions|/gradio_api/queue/join/?")

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the guard allows.

    ``hosts`` are names without port; sizes are in bytes, times in seconds. An address may send ``burst`` questions at
    once and ``requests_per_minute`` in the long run, and ``reads_per_question`` times as many other requests.
    ``max_upload`` bounds the operator's documents, ``max_visitor_upload`` those of the chat page. Addresses that
    ``proxies`` forward are believed. Unless ``open_to_all``, only who has the token of a site may ask and read.
    """

    hosts: tuple[str, ...]
    requests_per_minute: int = 60
    burst: int = 20
    reads_per_question: int = 10
    max_body: int = 1 << 20
    max_upload: int = 64 << 20
    max_visitor_upload: int = 1 << 20
    body_seconds: float = 20.0
    upload_seconds: float = 300.0
    proxies: tuple[Network, ...] = ()
    open_to_all: bool = True


class Guard:
    """See the module."""

    def __init__(
        self, app: ASGIApp, policy: Policy, sites: Sites, metrics: Metrics, buckets: Bucketing = own_buckets
    ) -> None:
        self.app = app
        self._metrics = metrics
        self.policy = policy
        self._sites = sites
        self._hosts = frozenset(host.lower() for host in policy.hosts)
        self._origins = frozenset(sites.origins)
        self._questions = buckets("questions", policy.requests_per_minute, policy.burst)
        factor = policy.reads_per_question
        self._reads = buckets("reads", policy.requests_per_minute * factor, policy.burst * factor)
        self._of_site = {key: buckets("sites", limit, max(1, limit // 3)) for key, limit in sites.limits().items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, self._with_headers(scope, send))
        else:  # there are no websockets here
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        policy, headers = self.policy, Headers(scope=scope)
        scope["client"] = (client_address(scope, policy.proxies), 0)
        refusal = await self._refusal(scope, headers)
        if refusal is None and scope["method"] not in _SAFE_METHODS:
            try:
                if _UPLOAD.fullmatch(scope["path"]):
                    receive = counted(receive, policy.max_upload, policy.upload_seconds)
                elif scope["path"] == _VISITOR_UPLOAD:
                    body = await read_body(headers, receive, policy.max_visitor_upload, policy.upload_seconds)
                    receive = replay(body, receive)
                else:
                    receive = replay(await read_body(headers, receive, policy.max_body, policy.body_seconds), receive)
            except (TooLong, TimeoutError) as error:
                refusal = _too_much(error)
        if refusal is not None:
            self._metrics.count_refusal(refusal.status_code)
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
            large = isinstance(error, TooLong | TimeoutError) and _UPLOAD.fullmatch(scope["path"])
            await (_too_much(error) if large else problem(500, message_of(error)))(scope, receive, send)

    async def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        path, method = scope["path"], scope["method"]
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return problem(421, "This server does not answer to that name; see allowed_hosts.")
        if not (_OURS.fullmatch(path) or _GRADIO.fullmatch(path)):
            return problem(404, "There is nothing here.")
        if method not in _METHODS:
            return problem(405, "This method is not used here.", headers={"Allow": ", ".join(sorted(_METHODS))})
        visit = Visit()
        if (method not in _SAFE_METHODS or _PRIVATE.fullmatch(path)) and path != _CONFIG:
            try:
                visit = self._visit(headers, path, method)
            except Denied as denied:
                return problem(denied.status, str(denied), denied.code)
        preflight = method == "OPTIONS"  # it carries no token
        if visit.site == OWN and not (self.policy.open_to_all or preflight or _FOR_ALL.fullmatch(path)):
            return problem(403, ONLY_SITES, "sites_only")
        scope.setdefault("state", {})["visit"] = visit
        wait = await self._wait(scope["client"][0], visit, path, method)
        if wait:
            seconds = str(math.ceil(wait))
            message = f"Too many questions; try again in {seconds} s."
            return problem(429, message, headers={"Retry-After": seconds})
        return None

    def _is_ours(self, host: str) -> bool:
        return "*" in self._hosts or _name(host) in self._hosts

    def _visit(self, headers: Headers, path: str, method: str) -> Visit:
        """Return who asks; raises ``Denied`` for a page that may not. Programs send neither origin nor token."""
        origin = page_origin(headers)
        foreign = origin != OWN or headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if foreign and "origin" not in headers:
            raise Denied(403, "origin_not_allowed", "Pages of other sites may not use this server in this way.")
        if origin != OWN and (origin not in self._origins or not _FOR_SITES.fullmatch(path)):
            raise Denied(403, "origin_not_allowed", self._sites.obstacle(origin))
        token = bearer(headers) if path.startswith("/api/") else None
        if token is not None:
            return self._sites.visit(token, origin)
        if origin != OWN and method != "OPTIONS":  # a preflight carries no token
            raise Denied(401, "token_missing", "Ask /api/widget/config for a token and send it as a bearer.")
        return Visit()

    async def _wait(self, address: str, visit: Visit, path: str, method: str) -> float:
        """Return the seconds until a request may be sent; 0 is now."""
        if method == "POST" and _COSTLY.fullmatch(path):
            site = self._of_site.get(visit.site)
            wait = await aside(self._questions, self._questions.wait, address)
            return wait or (await aside(site, site.wait, visit.site) if site else 0.0)
        return await aside(self._reads, self._reads.wait, address) if _PRIVATE.fullmatch(path) else 0.0

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        path, asked = scope["path"], Headers(scope=scope)
        origin = asked.get("origin", "")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                csp = _CSP if _GRADIO.fullmatch(path) else _CSP.replace(" 'unsafe-inline'", "")
                headers["Content-Security-Policy"] = f"{csp} {self._framers(scope)}".rstrip()
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                if path == "/theme.css" and _THEME.fullmatch(scope["query_string"]):
                    headers["Cache-Control"] = "public, max-age=31536000, immutable"
                headers["Cross-Origin-Resource-Policy"] = "cross-origin" if path == "/widget.js" else "same-origin"
                if origin in self._origins and path.startswith("/api/"):  # so that the page can read a refusal, too
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Expose-Headers"] = "Retry-After"
                    headers.add_vary_header("Origin")
            await send(message)

        return send_with_headers

    def _framers(self, scope: Scope) -> str:
        """Return the origins whose pages may frame this one, besides our own: for a site's frame, those of the site."""
        if scope["path"] != "/frame":
            return ""
        key = parse_qs(scope["query_string"].decode("latin-1")).get("site", [DEFAULT])[0]
        return " ".join(self._sites.origins_of(key))


def _too_much(error: Exception) -> Response:
    if isinstance(error, TooLong):
        return problem(413, f"A request may have {error.limit:,} bytes.", headers={"Connection": "close"})
    return problem(408, "The request did not arrive in time.", headers={"Connection": "close"})


def _name(host: str) -> str:
    """Return a ``Host`` header without its port."""
    return re.sub(r":\d*$", "", host).lower()
