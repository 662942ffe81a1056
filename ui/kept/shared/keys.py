"""The key that all processes sign with."""

from __future__ import annotations

import secrets

from index.store.postgres.server import Server

BYTES = 32


def signing_key(server: Server) -> bytes:
    """Return the key of the database; the first process that asks makes it."""
    with server.transaction() as connection:
        connection.execute(
            "INSERT INTO secrets VALUES ('signing', %s) ON CONFLICT DO NOTHING", (secrets.token_bytes(BYTES),)
        )
    ((value,),) = server.read("SELECT value FROM secrets WHERE name = 'signing'")
    return bytes(value)
