"""Which store it is: in the home folder, or in a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import InputError
from index.store.base import Store

if TYPE_CHECKING:
    from index.store.postgres.server import Server


def open_store(folder: Path, url: str, schema: str, fingerprint: str, dimension: int, connections: int = 10) -> Store:
    """Open the store at ``url``, or the one in ``folder`` if there is none; make it if it is not there.

    Raises:
        IndexDamaged: it cannot be used, or was made by another embedder or version.
        InputError: the folder cannot be written, the database is too old or the role may not make it.
        StoreUnavailable: the server is not there, or lets us not in.
    """
    if not url:
        from index.store.embedded import EmbeddedStore

        return EmbeddedStore(folder, fingerprint, dimension)
    server = open_server(url, schema, connections)
    try:
        from index.store.postgres.store import PostgresStore

        return PostgresStore(server, fingerprint, dimension)
    except BaseException:
        server.close()
        raise


def open_server(url: str, schema: str, connections: int = 10) -> Server:
    """Connect to the database at ``url``, for what is kept there besides the index.

    Raises:
        InputError: the database is too old, or the role may not make the tables.
        StoreUnavailable: the server is not there, or lets us not in.
    """
    try:
        from index.store.postgres.server import Server
    except ImportError as error:
        raise InputError(
            f"A store in PostgreSQL needs packages that are not installed ({error.name}).",
            "Run: pip install 'citechat[postgres]'",
        ) from error
    return Server(url, schema, connections)
