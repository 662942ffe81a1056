"""Who sits at a browser: an unguessable name in a cookie that only the chat page sets and no script can read.

The widget, whose requests carry no cookies, has no part in it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

COOKIE = "citechat_visitor"
_NAME = re.compile(r"[\w-]{43}", re.ASCII)


def visitor_of(cookies: Mapping[str, str]) -> str | None:
    """Return the visitor whom a request's cookies name, if any."""
    name = cookies.get(COOKIE, "")
    return name if _NAME.fullmatch(name) else None


def new_cookie(secure: bool) -> str:
    """Return a ``Set-Cookie`` value for a new visitor; it ends with the browser's session.

    It comes along when a link of another site leads here (``Lax``), else each such visit would make a new visitor.
    """
    return f"{COOKIE}={secrets.token_urlsafe(32)}; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
