"""What the server says, told as what it means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from index.errors import Busy, CitechatError, IndexDamaged, InputError, StoreUnavailable

ADDRESS = "the setting store"

_REFUSED = (
    (
        "password authentication failed|no password supplied",
        f"Correct user and password in {ADDRESS}, in PGPASSWORD or in ~/.pgpass.",
    ),
    ("pg_hba.conf", "Let this host and role in, in the server's pg_hba.conf, or use TLS (?sslmode=require)."),
    ('database ".*" does not exist', "Make the database: createdb NAME"),
    ('role ".*" does not exist', "Make the role: createuser --pwprompt NAME"),
    ("SSL|certificate", f"Correct sslmode and sslrootcert in {ADDRESS}."),
    ("too many clients|remaining connection slots", "Raise max_connections, or lower the setting store_connections."),
)
"""What the message of a failed connection holds, and the remedy."""

_MAY_NOT = "Use a role that owns the tables, or let this one write: docs/deploy.md says which rights it needs."

_TOLD: tuple[tuple[type[Exception], type[CitechatError], str, str], ...] = (
    (errors.InsufficientPrivilege, InputError, "The role may not do this", _MAY_NOT),
    (errors.ReadOnlySqlTransaction, InputError, "The server or the role only reads", _MAY_NOT),
    (
        errors.DiskFull,
        InputError,
        "The server's disk is full; nothing of the last change was stored",
        "Free some space there and run the command again: what is stored already is kept.",
    ),
    (errors.OutOfMemory, Busy, "The server is out of memory", "Lower its work_mem or give it more memory."),
    (errors.TooManyConnections, Busy, "The server has no connection left", "Lower the setting store_connections."),
    (errors.QueryCanceled, Busy, "The server stopped a statement that took too long", "Raise its statement_timeout."),
    (errors.LockNotAvailable, Busy, "The server did not get a lock in time", "Try again, or raise its lock_timeout."),
    (errors.SerializationFailure, Busy, "Two changes met", "Try again."),
    (errors.DeadlockDetected, Busy, "Two changes met", "Try again."),
    (errors.ProgramLimitExceeded, InputError, "Something is too long for the server", "Shorten the file's name."),
    (errors.DataError, InputError, "The server cannot store this", "Report it with the document that was added."),
)
"""Errors of statements that say nothing against the index, the special ones first: what is told, and the remedy."""

_DAMAGE = (
    *(errors.DataCorrupted, errors.IndexCorrupted, errors.InternalError_, errors.IntegrityError),
    *(errors.UndefinedTable, errors.UndefinedColumn),
)
"""What says that rows, pages or tables are not as they were stored."""

_LOST = (errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow, errors.IdleInTransactionSessionTimeout)


@contextmanager
def told(shown: str) -> Iterator[None]:
    """Tell the driver's errors as what they mean; ``shown`` is the database without its password.

    Raises:
        StoreUnavailable: the server is not there, or lets nobody in.
        Busy: it has too much to do.
        InputError: the role, the disk or what is to be stored does not allow it.
        IndexDamaged: the tables are not as citechat made them.
    """
    try:
        yield
    except psycopg.ProgrammingError as error:
        if isinstance(error, (*_DAMAGE, *(kind for kind, *_ in _TOLD))):
            raise meaning(error, shown) from error
        raise  # a mistake of ours
    except psycopg.Error as error:
        raise meaning(error, shown) from error


def meaning(error: psycopg.Error, shown: str) -> CitechatError:
    """Return an error of a statement as what it means."""
    said = first_line(error)
    if isinstance(error, _LOST) or (
        isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) and error.sqlstate is None
    ):
        return StoreUnavailable(f"The connection to {shown} was lost: {said}.", "Try again when the server is back.")
    for kind, told_as, problem, remedy in _TOLD:
        if isinstance(error, kind):
            return told_as(f"{shown}: {problem}: {said}.", remedy)
    if isinstance(error, _DAMAGE):
        return IndexDamaged(
            f"The index {shown} is damaged: {said}.",
            "Restore it from a backup, or drop its schema and add the documents again.",
        )
    return StoreUnavailable(f"{shown} reports an error: {said}.", "See the server's log.")


def refused(error: psycopg.Error, shown: str) -> StoreUnavailable:
    """Return the error of a connection that did not come about as what it means."""
    said = str(error)
    for pattern, remedy in _REFUSED:
        if re.search(pattern, said):
            return StoreUnavailable(f"Cannot connect to {shown}: {first_line(error)}.", remedy)
    return StoreUnavailable(
        f"Cannot connect to {shown}: {first_line(error)}.", f"Start the server, or correct {ADDRESS}."
    )


def first_line(error: Exception) -> str:
    """Return the first line of a message, without the full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).removesuffix(".")
