"""Text as filters compare it."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Return text as it is compared: without case, in Unicode's composed form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
