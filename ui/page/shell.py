"""The HTML page that Gradio's own scripts are loaded into, made to fit this server.

Gradio's page holds inline scripts, which the policy of :mod:`ui.web.guard` blocks (its application then asks the server
for what they would have told it), and tags that name addresses of its makers. Both go; our styles and scripts come
first, so that nothing is drawn before them, and what the scripts import is fetched beside them. A browser that is new
here gets its visitor's cookie. Should a later Gradio write its page otherwise, the policy still holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection

from ui.page.visitors import new_cookie, visitor_of
from ui.web.assets import STATIC, versioned

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>.*?</script>\s*", re.DOTALL)
_PREVIEW_TAG = re.compile(r"<meta\s+(?:property|name)=\"(?:og|twitter):[^>]*>\s*")
_IMPORTED = re.compile(r"^import .+ from '\./([\w-]+\.js)';$", re.MULTILINE)
_STYLES = ("app", "conversation", "citations", "actions", "windows", "panel", "document")
_HEAD = """<title>{title}</title>
<meta name="color-scheme" content="light dark">
<link rel="icon" href="{icon}">
{styles}
<script type="module" src="{script}"></script>
{modules}
<link rel="preload" href="/chat/messages" as="fetch" crossorigin="anonymous">
<link rel="preload" href="/config" as="fetch" crossorigin="anonymous">
<link rel="preload" href="/gradio_api/info" as="fetch" crossorigin="anonymous">
"""


def _ahead(address: str) -> str:
    if address.endswith(".js"):
        return f'<link rel="modulepreload" href="{address}">'
    own = "" if address.startswith("/theme") else " crossorigin"  # as the scripts that ask for them do
    return f'<link rel="preload" href="{address}" as="style"{own}>'


def modules_of(script: str) -> list[str]:
    """Return the scripts of ``static/`` that one of them imports, those that they import included."""
    found = [script]
    for name in found:  # it grows
        imported = _IMPORTED.findall((STATIC / name).read_text(encoding="utf-8"))
        found += [each for each in dict.fromkeys(imported) if each not in found]
    return found[1:]


class Shell:
    """Middleware that rewrites the page at ``/`` and leaves everything else alone."""

    def __init__(self, app: ASGIApp, title: str, early: Sequence[str] = ()) -> None:
        """``early`` are addresses of scripts and styles that the page will ask for, whoever names them."""
        self.app = app
        styles = "\n".join(f'<link rel="stylesheet" href="{versioned(name)}.css">' for name in _STYLES)
        own = [versioned(name) for name in modules_of("page.js")]
        modules = "\n".join(map(_ahead, [*own, *early]))
        script, icon = versioned("page.js"), versioned("icon.svg")
        self._head = _HEAD.format(title=escape(title), styles=styles, script=script, icon=icon, modules=modules)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        reply: list[Message] = []

        async def collect(message: Message) -> None:
            reply.append(message)

        await self.app({**scope, "headers": plain}, receive, collect)
        page = b"".join(message.get("body", b"") for message in reply).decode()
        body = self.rewrite(page).encode()
        start = reply[0]
        headers = MutableHeaders(scope=start)
        headers["content-length"] = str(len(body))
        asked = HTTPConnection(scope)
        if visitor_of(asked.cookies) is None:
            secure = asked.headers.get("x-forwarded-proto", scope["scheme"]) == "https"
            headers.append("set-cookie", new_cookie(secure=secure))
        await send(start)
        await send({"type": "http.response.body", "body": body})

    def rewrite(self, page: str) -> str:
        """Return Gradio's page as it is to be sent."""
        page = _PREVIEW_TAG.sub("", _INLINE_SCRIPT.sub("", page))
        return page.replace("<head>", f"<head>\n{self._head}", 1)
