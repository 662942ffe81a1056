"""Which store it is: in the home folder, or in a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

from index.errors import InputError
from index.store.base import Store


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
    try:
        from index.store.postgres.server import Server
        from index.store.postgres.store import PostgresStore
    except ImportError as error:
        raise InputError(
            f"A store in PostgreSQL needs packages that are not installed ({error.name}).",
            "Run: pip install 'citechat[postgres]'",
        ) from error
    server = Server(url, schema, connections)
    try:
        return PostgresStore(server, fingerprint, dimension)
    except BaseException:
        server.close()
        raise
