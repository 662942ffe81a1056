"""What a database must be before it holds an index."""

from __future__ import annotations

import re

from psycopg import Connection, errors

from index.errors import InputError, StoreUnavailable

OLDEST = 150_000
"""PostgreSQL 15."""
OLDEST_VECTOR = (0, 8)
"""The first pgvector whose index goes on searching where a filter leaves too few rows."""


def checked(connection: Connection, shown: str) -> str:
    """Return the schema of pgvector, quoted, once server and extension are known to do.

    Raises:
        InputError: they are too old, or the extension is not there.
        StoreUnavailable: what answers is no server that can be asked.
    """
    if connection.info.server_version < OLDEST:
        raise InputError(
            f"{shown} is PostgreSQL {connection.info.server_version // 10_000}; citechat needs 15 or later.",
            "Update the server, or use another one.",
        )
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise InputError(
            f"The database {shown} is not encoded in UTF-8.", "Make another one: createdb --encoding UTF8 -T template0"
        )
    found = _vector(connection)
    if found is None:
        installed = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'").fetchone()
        if not installed:
            raise InputError(
                f"The server of {shown} lacks pgvector.",
                "Install it there (Debian 13: postgresql-17-pgvector), then run as a superuser: "
                "CREATE EXTENSION vector",
            )
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except errors.InsufficientPrivilege as error:
            raise InputError(
                f"The database {shown} lacks the extension vector, and the role may not make it.",
                "Run in this database as a superuser: CREATE EXTENSION vector",
            ) from error
        found = _vector(connection)
    if found is None:
        raise StoreUnavailable(f"{shown} does not tell its extensions.", "Use another server.")
    version, schema = found
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST_VECTOR:
        raise InputError(
            f"{shown} has pgvector {version}; citechat needs 0.8 or later.",
            "Update it, then run as a superuser: ALTER EXTENSION vector UPDATE",
        )
    return schema


def _vector(connection: Connection) -> tuple[str, str] | None:
    found = connection.execute(
        "SELECT extversion, quote_ident(nspname) FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace "
        "WHERE extname = 'vector'"
    ).fetchone()
    return (str(found[0]), str(found[1])) if found else None
