"""The tables, brought forward from every version: ``migrations/NNNN_name.sql``, in order, each once.

A file is applied in one transaction with its record, under a lock that processes which start together wait for. What
was released is never changed; a change of the tables is a new file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from psycopg import Connection, sql

from index.errors import IndexDamaged, InputError
from index.store.postgres.locks import lock_key

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """A step from one version of the tables to the next."""

    version: int
    name: str
    script: str


@lru_cache(maxsize=1)
def migrations() -> tuple[Migration, ...]:
    """Return the steps in order; their versions are 1, 2, 3, ..."""
    folder = files("index.store.postgres") / "migrations"
    found = [(match, file) for file in folder.iterdir() if (match := _NAME.fullmatch(file.name))]
    steps = [Migration(int(match[1]), match[2], file.read_text(encoding="utf-8")) for match, file in found]
    return tuple(sorted(steps, key=lambda step: step.version))


def newest() -> int:
    """Return the version of the tables that this program works with."""
    return migrations()[-1].version


def version(connection: Connection, schema: str) -> int:
    """Return the version of the tables in a schema; 0 if there are none."""
    # Read from the catalogue itself: to_regclass may still say what it said before another process made the table.
    there = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = %s AND relname = %s"
    if connection.execute(there, (schema, "migrations")).fetchone() is None:
        return 0
    found = connection.execute(
        sql.SQL("SELECT coalesce(max(version), 0) FROM {}").format(sql.Identifier(schema, "migrations"))
    ).fetchone()
    return int(found[0]) if found else 0


def migrate(connection: Connection, schema: str, shown: str, upto: int | None = None) -> None:
    """Bring the tables of a schema to the newest version (``upto``: to this one); make the schema if it is not there.

    Where they are up to date nothing is changed, and no right to change them is needed.

    Raises:
        IndexDamaged: the tables are of a later version than this program knows.
        InputError: the role may not make or change them.
    """
    target = newest() if upto is None else upto
    there = version(connection, schema)
    if there > newest():
        raise newer(there, shown)
    if there >= target:
        return
    may = "SELECT coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = %s), "
    may += "has_database_privilege(current_database(), 'CREATE'))"
    if connection.execute(may, (schema,)).fetchone() != (True,):
        what = f"has tables of version {there}, and this citechat needs {target}" if there else "has no tables yet"
        raise InputError(
            f"The schema {schema} of {shown} {what}; the role may not make them.",
            f"Let it: CREATE SCHEMA {schema} AUTHORIZATION ROLE; or start citechat once as a role that may.",
        )
    for step in migrations():
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("migration", schema),))
            there = version(connection, schema)
            if there < step.version <= target:
                _apply(connection, schema, step)


def newer(there: int, shown: str) -> IndexDamaged:
    """Return the error for tables of a later version."""
    return IndexDamaged(
        f"The tables in {shown} are of version {there}; this citechat knows up to {newest()}.",
        "Update citechat here as it was updated where they were changed.",
    )


def _apply(connection: Connection, schema: str, step: Migration) -> None:
    if step.version == 1:
        exists = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone()
        if not exists:  # asked first: the right to make one is not needed where it is there
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        connection.execute(
            "CREATE TABLE migrations "
            "(version integer PRIMARY KEY, name text NOT NULL, applied timestamptz NOT NULL DEFAULT now())"
        )
    connection.execute(step.script.encode())
    connection.execute("INSERT INTO migrations (version, name) VALUES (%s, %s)", (step.version, step.name))
