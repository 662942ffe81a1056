"""Scripts and styles of the pages, kept in memory and compressed once.

A first visit asks for some seventy of them. Each would otherwise be looked for, opened and compressed anew, and pass
through everything that stands before the routes: most of the time that a page takes on a machine of two cores.
"""

from __future__ import annotations

import gzip
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import brotli
from starlette.datastructures import Headers
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

STATIC = Path(__file__).parents[1] / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}
"""What is text and worth compressing; the machine's own table of types may say otherwise."""
_QUALITY = 9
"""Brotli's; the last two steps take twenty times as long for a few per cent."""
_SMALL = 400
"""Bytes below which nothing is compressed."""
_NAMED_BY_CONTENT = re.compile(r"/assets/(?:.*/)?[\w.-]+-[\w-]{8}\d?\.\w+")
"""Gradio's scripts and styles with a hash in their names: they never change, so nobody has to ask whether they did."""
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK = "no-cache"
"""Browsers ask each time whether it changed, so that an upgrade shows at once."""


@cache
def version() -> str:
    """Return twelve hexadecimal digits that change with any of our own scripts and styles."""
    files = sorted(each for each in STATIC.iterdir() if each.is_file())
    return sha256(b"\0".join(each.name.encode() + b"\0" + each.read_bytes() for each in files)).hexdigest()[:12]


def versioned(name: str) -> str:
    """Return the address of one of our own scripts or styles, whose content never changes."""
    return f"/static/v/{version()}/{name}"


@dataclass(frozen=True)
class _File:
    """What one file is sent as."""

    path: Path

    @cached_property
    def plain(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def tag(self) -> str:
        return f'W/"{sha256(self.plain).hexdigest()[:16]}"'

    @cached_property
    def kind(self) -> str:
        known = _TYPES.get(self.path.suffix)
        return f"{known}; charset=utf-8" if known else mimetypes.guess_type(self.path)[0] or "application/octet-stream"

    @cached_property
    def as_brotli(self) -> bytes:
        return bytes(brotli.compress(self.plain, quality=_QUALITY))

    @cached_property
    def as_gzip(self) -> bytes:
        return gzip.compress(self.plain, mtime=0)

    def encoded(self, accepted: str) -> tuple[bytes, str]:
        """Return the bytes to send, and the name of their encoding, if there is one."""
        if self.path.suffix in _TYPES and len(self.plain) > _SMALL:
            offered = {each.strip() for each in accepted.split(",")}  # one with a weight is no browser's
            if "br" in offered:
                return self.as_brotli, "br"
            if "gzip" in offered:
                return self.as_gzip, "gzip"
        return self.plain, ""


class Assets:
    """Middleware that answers for the files in ``folders``, each under its prefix, and leaves the rest alone.

    Files are found when the server starts: what is asked for later is a name, never a path.
    """

    def __init__(self, app: ASGIApp, folders: Mapping[str, Path]) -> None:
        self.app = app
        self._files = {
            prefix + each.relative_to(folder).as_posix(): _File(each)
            for prefix, folder in folders.items()
            for each in folder.rglob("*")
            if each.is_file()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            path, of_version = _without_version(scope["path"])
            file = self._files.get(path)
            if file is not None:
                lasting = of_version == version() or bool(_NAMED_BY_CONTENT.fullmatch(path))
                await _reply(file, Headers(scope=scope), for_ever=lasting)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _without_version(path: str) -> tuple[str, str | None]:
    """Return a path without the version in it, and that version."""
    parts = path.split("/")
    if len(parts) == 5 and parts[1:3] == ["static", "v"]:  # as `versioned` writes it
        return f"/static/{parts[4]}", parts[3]
    return path, None


def _reply(file: _File, asked: Headers, *, for_ever: bool) -> Response:
    headers = {"ETag": file.tag, "Vary": "Accept-Encoding", "Cache-Control": _FOR_EVER if for_ever else _ASK}
    if asked.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    body, encoding = file.encoded(asked.get("accept-encoding", ""))
    if encoding:
        headers["Content-Encoding"] = encoding
    return Response(body, headers=headers, media_type=file.kind)
