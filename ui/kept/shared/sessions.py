"""Operators and lock-outs that all processes see. Times are the server's."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence

from index.store.postgres.server import Server
from ui.admin.sessions import FREE_FAILURES, MAX_SESSIONS, MAX_WAIT_S, SESSION_S, Session, digest

_FORGET_S = 24 * 3600.0
"""Seconds after its last failure that an address is forgotten."""

_PAUSE = f"""make_interval(secs => CASE WHEN failures < {FREE_FAILURES} THEN 0
    ELSE least({MAX_WAIT_S}, 2.0 ^ least(failures - {FREE_FAILURES - 1}, 30)) END)"""
"""What `ui.admin.sessions.pause` gives."""


class SharedSession:
    """A session in the database."""

    def __init__(self, server: Server, key: str, csrf: str) -> None:
        """``key`` is what stands for the secret in the cookie."""
        self.csrf = csrf
        self._server = server
        self._key = key

    def tell(self, notices: Sequence[str]) -> None:
        """See `Session`."""
        with self._server.connection() as connection:
            connection.execute(
                "UPDATE sessions SET notices = notices || %s::jsonb WHERE key = %s",
                (json.dumps([_storable(each) for each in notices]), self._key),
            )

    def told(self) -> list[str]:
        """See `Session`."""
        with self._server.transaction() as connection:
            found = connection.execute(
                "SELECT notices FROM sessions WHERE key = %s FOR UPDATE", (self._key,)
            ).fetchone()
            if not found or not found[0]:
                return []
            connection.execute("UPDATE sessions SET notices = '[]' WHERE key = %s", (self._key,))
            return list(found[0])


def _storable(notice: str) -> str:
    """Return a notice without what PostgreSQL takes in no text: file names may hold it."""
    return notice.replace("\0", "").encode("utf-8", "backslashreplace").decode()


class SharedLedger:
    """The `ui.admin.sessions.Ledger` in the database. Thread-safe."""

    def __init__(self, server: Server) -> None:
        """Use the tables of this server's schema."""
        self._server = server

    def wait(self, address: str) -> float:
        """See `Ledger`."""
        rows = self._server.read(
            f"SELECT extract(epoch FROM last + {_PAUSE} - clock_timestamp())::float FROM lockouts WHERE address = %s",
            (address,),
        )
        return max(0.0, rows[0][0]) if rows else 0.0

    def attempt(self, address: str) -> bool:
        """See `Ledger`. One statement: of two that try at once, in two processes, each is counted."""
        rows = self._server.read(
            f"""INSERT INTO lockouts AS l VALUES (%s, 1, clock_timestamp())
                ON CONFLICT (address) DO UPDATE SET failures = l.failures + 1, last = clock_timestamp()
                WHERE l.last + {_PAUSE.replace("failures", "l.failures")} <= clock_timestamp() RETURNING 1""",
            (address,),
        )
        return bool(rows)

    def begin(self, address: str) -> str:
        """See `Ledger`."""
        key = secrets.token_urlsafe(32)
        with self._server.transaction() as connection:
            connection.execute(
                "DELETE FROM lockouts WHERE address = %s OR last < now() - make_interval(secs => %s)",
                (address, _FORGET_S),
            )
            connection.execute(
                """DELETE FROM sessions WHERE ends <= now() OR key IN (SELECT key FROM sessions
                   ORDER BY ends DESC OFFSET %s)""",
                (MAX_SESSIONS - 1,),
            )
            connection.execute(
                "INSERT INTO sessions (key, csrf, ends) VALUES (%s, %s, now() + make_interval(secs => %s))",
                (digest(key), secrets.token_urlsafe(24), SESSION_S),
            )
        return key

    def session(self, key: str) -> Session | None:
        """See `Ledger`."""
        rows = self._server.read("SELECT csrf FROM sessions WHERE key = %s AND ends > now()", (digest(key),))
        return SharedSession(self._server, digest(key), rows[0][0]) if rows else None

    def end(self, key: str) -> None:
        """See `Ledger`."""
        with self._server.connection() as connection:
            connection.execute("DELETE FROM sessions WHERE key = %s", (digest(key),))
