"""Names of advisory locks, which the server releases if their holder is gone."""

from __future__ import annotations

import hashlib


def lock_key(purpose: str, schema: str) -> int:
    """Return the number of the lock for a purpose in a schema; a signed 64-bit integer."""
    digest = hashlib.sha256(f"citechat {purpose} {schema}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
