"""Which pages of other sites may ask, and the tokens that say so.

The operator names origins for each site key; everything else is denied. A page that is allowed gets a token bound to
its site and origin, valid for minutes. It is no secret: it opens nothing to a page of another origin, and nothing but
asking, reading what an answer cites, and judging it. It names the visitor, too: nobody reads what another wrote.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from index.errors import InputError
from index.filters import Filter, parse_filter

if TYPE_CHECKING:
    from starlette.datastructures import Headers

    from rag.settings import Settings, Site

TOKEN_S = 600
"""Seconds that a token is good for."""
RENEWABLE_S = 24 * 3600
"""Seconds after its end in which a token can still be exchanged for a new one of the same visitor."""
DEFAULT = "default"
"""The site of pages that name none."""
OWN = ""
"""The server itself: its own pages, and programs, which send no origin."""
ONLY_SITES = "Only pages of a site may ask here (open_to_all is off)."


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks: a site key (``OWN`` for the server's own pages) and one of its visitors (empty: not told apart)."""

    site: str = OWN
    visitor: str = ""

    @property
    def owner(self) -> Visit | None:
        """Whose the conversations of this visit are; ``None``: of whoever knows their ids, as on the chat page."""
        return self if self.visitor else None


class Denied(Exception):
    """A page may not ask: HTTP status, code for programs, and what to change, for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class Sites:
    """The sites of the settings, and the tokens of their visitors."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time, key: bytes | None = None) -> None:
        """Read the sites. Tokens are signed with ``key``; by default with one that lives as long as the process.

        Raises:
            InputError: the default site is configured twice, or a site's filter is none.
        """
        self._settings = settings
        self._sites = all_sites(settings)
        self._filters = {key: parse_filter(site.filter) for key, site in self._sites.items() if site.filter}
        self._key = key or secrets.token_bytes(32)
        self._clock = clock

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of all sites, each once."""
        return tuple(dict.fromkeys(origin for site in self._sites.values() for origin in site.origins))

    def origins_of(self, key: str) -> tuple[str, ...]:
        """Return the origins of a site; none if it is unknown."""
        return self._sites[key].origins if key in self._sites else ()

    def filter_of(self, visit: Visit) -> Filter | None:
        """Return what a visitor may read; ``None`` is everything."""
        return self._filters.get(visit.site)

    def limits(self) -> dict[str, int]:
        """Return the questions per minute of each site."""
        return {key: site.requests_per_minute for key, site in self._sites.items()}

    def greeting(
        self, key: str | None, origin: str, token: str | None = None, found: Callable[[], Sequence[str]] = tuple
    ) -> dict[str, Any]:
        """Return what a page is told when it asks for a site: a token and how to present itself, or what is in the way.

        ``origin`` is empty for the server's own pages, which may show any site, or everything when they name none.
        ``token`` is one that the page had before; the visitor stays the same. ``found`` gives questions that the
        documents answer, for where nobody chose any.
        """
        try:
            key = self._admit(key, origin)
        except Denied as denied:
            return {"allowed": False, "code": denied.code, "message": str(denied)}
        site = self._sites.get(key)
        visitor = self._known_visitor(token, key, origin) or secrets.token_urlsafe(12)
        expires = self._clock() + TOKEN_S
        return {
            "allowed": True,
            "title": (site and site.title) or self._settings.title,
            "examples": list(self._examples(site, found)),
            "token": self._signed([key, origin, visitor, int(expires)]),
            "expires_in": TOKEN_S,
        }

    def _examples(self, site: Site | None, found: Callable[[], Sequence[str]]) -> Sequence[str]:
        if site is not None and site.examples is not None:
            return site.examples
        if "examples" in self._settings.model_fields_set:
            return self._settings.examples
        return () if site is not None and site.filter else found()  # the others may be about what the filter hides

    def obstacle(self, origin: str) -> str:
        """Return what keeps a page of this origin from asking."""
        try:
            self._admit(DEFAULT, origin)
        except Denied as denied:
            return str(denied)
        return "Pages of other sites may not use this part of the server."

    def visit(self, token: str, origin: str) -> Visit:
        """Return whose token this is, presented by a page of ``origin``.

        Raises:
            Denied: it is none of ours, of another origin, too old, or its site no longer allows the origin.
        """
        key, bound, visitor, expires = self._opened(token)
        if bound != origin:
            raise Denied(401, "token_of_another_origin", "This token was given to a page of another origin.")
        if expires <= self._clock():
            raise Denied(401, "token_expired", "The token has expired; ask /api/widget/config for a new one.")
        return Visit(key, visitor)

    def _admit(self, key: str | None, origin: str) -> str:
        if not origin and not key and self._settings.open_to_all:
            return OWN
        key = key or DEFAULT
        shown = json.dumps(origin[:200])
        if origin == "null":
            message = (
                "A page without an address of its own (a file, a sandboxed frame) may not ask: serve it over HTTP."
            )
            raise Denied(403, "origin_not_allowed", message)
        if key not in self._sites and key != DEFAULT:
            message = f"There is no site {key[:64]!r}. Correct data-site, or add origins = [{shown}] to [sites.KEY]"
            raise Denied(403, "site_unknown", f"{message} in the server's citechat.toml.")
        if origin and origin not in self.origins_of(key):
            where = "widget_origins" if key == DEFAULT else f"the origins of [sites.{key}]"
            message = f"This site may not ask. Add {shown} to {where} in the server's citechat.toml and restart it."
            raise Denied(403, "origin_not_allowed", message)
        if key in self._sites:
            return key
        if not self._settings.open_to_all:
            raise Denied(403, "site_missing", f"Name a site. {ONLY_SITES}")
        return OWN  # an own page may name the default site before there is one

    def _known_visitor(self, token: str | None, key: str, origin: str) -> str | None:
        try:
            site, bound, visitor, expires = self._opened(token or "")
        except Denied:
            return None
        same = (site, bound) == (key, origin) and self._clock() < expires + RENEWABLE_S
        return visitor if same else None

    def _signed(self, content: list[str | int]) -> str:
        payload = _encoded(json.dumps(content).encode())
        return f"{payload}.{_encoded(hmac.digest(self._key, payload.encode(), 'sha256'))}"

    def _opened(self, token: str) -> tuple[str, str, str, int]:
        payload, _, signature = token.partition(".")
        expected = _encoded(hmac.digest(self._key, payload.encode(), "sha256"))
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            raise Denied(401, "token_invalid", "The token is not valid; ask /api/widget/config for a new one.")
        key, origin, visitor, expires = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return key, origin, visitor, expires


def all_sites(settings: Settings) -> dict[str, Site]:
    """Return the sites by key, ``widget_origins`` as the default one.

    Raises:
        InputError: the default site is configured in both ways.
    """
    from rag.settings import Site

    if not settings.widget_origins:
        return dict(settings.sites)
    if DEFAULT in settings.sites:
        raise InputError(
            "The settings name widget_origins and sites.default, which are the same site.",
            "Move the origins of widget_origins to origins of [sites.default].",
        )
    return {DEFAULT: Site(origins=settings.widget_origins), **settings.sites}


def page_origin(headers: Headers) -> str:
    """Return the origin of the page that sends a request; empty for the server's own pages and for programs."""
    origin = headers.get("origin")
    if origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower():
        return OWN
    return origin or "null"


def bearer(headers: Headers) -> str | None:
    """Return the token that a request carries."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
