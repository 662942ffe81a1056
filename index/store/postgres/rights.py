"""Roles that may read a part of the index: the database itself keeps the rest from them, row by row.

The part is what passes a filter over documents, so a collection is whatever a filter can name: a folder
(``source~"hr/"``), a key of the front matter (``collection=hr``), an outlet. It is looked up at each query: a document
that is added later is in it or not by its own fields. Of words, postings and terms only those of the part are seen, and
of conversations and judgements those that the role has written itself. What is counted over the whole index stays
visible: how many passages there are, and how many of them hold a word that the part holds too.

Roles that are not named here are as free as what is granted to them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from psycopg import ClientCursor, Connection, sql

from index.errors import InputError
from index.filters import Filter
from index.filters.fields import OF_PASSAGES
from index.store.postgres import matching
from index.store.postgres.locks import WriterLock
from index.store.postgres.problems import told
from index.store.postgres.server import Server

_OPEN = ("state", "meta", "migrations")
"""Tables without words of documents: versions, counts, the name of the embedder."""
_OF_DOCUMENTS = {
    "documents": "id IN (SELECT {readable}())",
    "origins": "document_id IN (SELECT {readable}())",
    "passages": "document_id IN (SELECT {readable}())",
    "listing": "document_id IN (SELECT {readable}())",
    "fields": "document_id IN (SELECT {readable}())",
    "postings": "row IN (SELECT p.row FROM {schema}.passages p)",  # of which the role sees its own
    "terms": "(SELECT true FROM {schema}.postings o WHERE o.term = terms.id LIMIT 1)",
}
_OF_READERS = dict.fromkeys(("conversations", "exchanges", "feedback"), "role = current_user")
_WALLED = _OF_DOCUMENTS | _OF_READERS
_EVERYONE = "everyone"
"""The policy of all other roles; that of a reader restricts it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A role, the filter that says what it may read, and whether it may write what readers leave."""

    role: str
    filter: str
    serving: bool


def readers(server: Server) -> list[Reader]:
    """List the roles that may read a part, by name."""
    return [Reader(*row) for row in server.read("SELECT role::text, filter, serving FROM readers ORDER BY role")]


def let_read(server: Server, role: str, where: Filter, *, serving: bool = False) -> None:
    """Let a role read what passes a filter, and nothing else; what it might read before is replaced.

    ``serving`` lets it also keep conversations and judgements of its own, as a web server does.

    Raises:
        InputError: there is no such role, no wall would hold it, or the filter is about parts of documents.
    """
    if within := sorted(where.names() & {*OF_PASSAGES}):
        raise InputError(
            f"A role reads whole documents, and {within[0]!r} is a field of their passages.",
            "Name fields of documents, such as source, outlet or a key of their front matter.",
        )
    with _changing(server) as connection:
        _refuse(connection, server.schema, role)
        _take_back(connection, server.schema, role)
        _define(connection, server.schema, role, where)
        for table in _WALLED:
            _open_to_others(connection, server.schema, table)
        for table, condition in _WALLED.items():
            _run(
                connection,
                f"CREATE POLICY {{policy}} ON {{table}} AS RESTRICTIVE TO {{role}} USING ({condition})",
                server.schema,
                role,
                table,
            )
        _run(connection, "GRANT USAGE ON SCHEMA {schema} TO {role}", server.schema, role)
        for table in (*_OPEN, *_OF_DOCUMENTS):
            _run(connection, "GRANT SELECT ON {table} TO {role}", server.schema, role, table)
        for table in _OF_READERS if serving else ():
            _run(connection, "GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}", server.schema, role, table)
        connection.execute("INSERT INTO readers VALUES (%s, %s, %s)", (role, where.text, serving))


def let_read_nothing(server: Server, role: str) -> None:
    """Take from a role what `let_read` gave it.

    Raises:
        InputError: it was given nothing.
    """
    with _changing(server) as connection:
        if not _take_back(connection, server.schema, role):
            raise InputError(f"The role {role!r} reads no part of the index.", "See: citechat index readers")


def sees_a_part(connection: Connection) -> bool:
    """Tell whether row-level security keeps documents from the role of this connection."""
    walled = """SELECT count(*) FROM pg_policies WHERE schemaname = current_schema() AND tablename = 'documents'
        AND permissive = 'RESTRICTIVE' AND row_security_active('documents')
        AND EXISTS (SELECT 1 FROM unnest(roles) r WHERE pg_has_role(r, 'USAGE'))"""
    return connection.execute(walled).fetchone() != (0,)


@contextmanager
def _changing(server: Server) -> Iterator[Connection]:
    """Lend a connection in a transaction that no writer runs beside; what was kept of the index is asked anew then."""
    with (
        closing(WriterLock(server)) as lock,
        lock.held() as connection,
        told(server.shown),
        connection.transaction(),
    ):
        yield connection
        connection.execute("UPDATE state SET revision = revision + 1, name = gen_random_uuid()")


def _refuse(connection: Connection, schema: str, role: str) -> None:
    """Refuse a role that no wall holds: it is not there, or it can be one that reads everything."""
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
        raise InputError(f"There is no role {role!r} in the database.", "Make it: createuser --pwprompt NAME")
    free = connection.execute(
        """SELECT r.rolname FROM pg_roles r WHERE pg_has_role(%(role)s, r.oid, 'MEMBER')
           AND CASE WHEN r.rolname = %(role)s
                    THEN r.rolsuper OR r.rolbypassrls
                         OR r.oid = (SELECT relowner FROM pg_class WHERE oid = %(table)s::regclass)
                    ELSE has_table_privilege(r.oid, %(table)s::regclass, 'SELECT') END
           ORDER BY r.rolname <> %(role)s, r.rolname LIMIT 1""",
        {"role": role, "table": f"{schema}.documents"},
    ).fetchone()
    if free:
        raise InputError(
            f"The role {role!r} can read everything"
            + (" by itself: it owns the tables or is a superuser." if free[0] == role else f" as {free[0]!r}."),
            "Use a role of its own, which is a member of no other: createuser --pwprompt NAME",
        )


def _define(connection: Connection, schema: str, role: str, where: Filter) -> None:
    """Make the function that gives the ids of the documents that a role may read; it runs with its owner's rights."""
    condition = matching.compiled(where)
    body = ClientCursor(connection).mogrify(
        f"SELECT p.document_id FROM (SELECT id AS document_id FROM documents) p WHERE {condition.text}",
        condition.values,
    )
    _run(
        connection,
        "CREATE FUNCTION {readable}() RETURNS SETOF text LANGUAGE sql STABLE SECURITY DEFINER "
        "SET search_path = {schema}, pg_temp BEGIN ATOMIC {body}; END",
        schema,
        role,
        body=body,
    )
    _run(connection, "REVOKE ALL ON FUNCTION {readable}() FROM PUBLIC", schema, role)
    _run(connection, "GRANT EXECUTE ON FUNCTION {readable}() TO {role}", schema, role)


def _open_to_others(connection: Connection, schema: str, table: str) -> None:
    """Turn row-level security on for a table; to whoever has no wall it shows all that it showed before."""
    there = "SELECT 1 FROM pg_policies WHERE schemaname = %s AND tablename = %s AND policyname = %s"
    if not connection.execute(there, (schema, table, _EVERYONE)).fetchone():
        _run(connection, f"CREATE POLICY {_EVERYONE} ON {{table}} USING (true)", schema, "", table)
        _run(connection, "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY", schema, "", table)


def _take_back(connection: Connection, schema: str, role: str) -> bool:
    if not connection.execute("DELETE FROM readers WHERE role = %s RETURNING 1", (role,)).fetchone():
        return False
    for table in _WALLED:  # DROP OWNED has taken the policies of a role with it
        _run(connection, "DROP POLICY IF EXISTS {policy} ON {table}", schema, role, table)
    _run(connection, "DROP FUNCTION {readable}()", schema, role)
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
        for table in (*_OPEN, *_WALLED):
            _run(connection, "REVOKE ALL ON {table} FROM {role}", schema, role, table)
        _run(connection, "REVOKE ALL ON SCHEMA {schema} FROM {role}", schema, role)
    return True


def _run(
    connection: Connection,
    statement: str,
    schema: str,
    role: str,
    table: str = "documents",
    body: str = "",
) -> None:
    own = hashlib.sha256(role.encode()).hexdigest()[:16]  # a role's name may be as long as a name can be
    connection.execute(
        sql.SQL(statement).format(
            schema=sql.Identifier(schema),
            table=sql.Identifier(schema, table),
            role=sql.Identifier(role or "public"),
            policy=sql.Identifier(f"reader_{own}"),
            readable=sql.Identifier(schema, f"readable_{own}"),
            body=sql.SQL(body),
        )
    )
