"""Who is the operator: a password or a token, sessions, and a lock that gets slower with each failure."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from index.errors import InputError
from ui.admin.sessions import Ledger, MemoryLedger, Session, digest

MIN_LENGTH = 12
"""Characters of a password or token, at least."""


class Access:
    """Checks secrets; a ledger keeps who is in. Thread-safe."""

    def __init__(
        self,
        password_hash: str,
        token: str,
        clock: Callable[[], float] = time.monotonic,
        ledger: Ledger | None = None,
    ) -> None:
        """Take the secrets of the settings; with none of them nobody can log in. ``ledger``: this process's own.

        Raises:
            InputError: the hash is none, or the token is too short to be safe.
        """
        if password_hash and not password_hash.startswith("$argon2id$"):
            raise InputError("The setting admin_password_hash is no hash of ours.", "Make one: citechat password")
        if token and len(token) < MIN_LENGTH:
            raise InputError(f"CITECHAT_ADMIN_TOKEN has fewer than {MIN_LENGTH} characters.", "Choose a longer one.")
        self._hash = password_hash
        self._token = token
        self._ledger = ledger or MemoryLedger(clock)
        self._one_at_a_time = threading.Lock()

    @property
    def enabled(self) -> bool:
        """Whether there is any way in."""
        return bool(self._hash or self._token)

    def wait(self, address: str) -> float:
        """Return the seconds until an address may try again; 0 is now."""
        return self._ledger.wait(address)

    def log_in(self, address: str, secret: str) -> str | None:
        """Return the key of a new session, or ``None`` if the secret is wrong or the address has to wait."""
        if not self._ledger.attempt(address):
            return None
        with self._one_at_a_time:  # a hash takes memory on purpose: many at once would take all of it
            right = self._is_right(secret)
        return self._ledger.begin(address) if right else None

    def session(self, key: str | None) -> Session | None:
        """Return the session of a key, unless it has ended."""
        return self._ledger.session(key) if key else None

    def log_out(self, key: str | None) -> None:
        """End a session."""
        if key:
            self._ledger.end(key)

    def _is_right(self, secret: str) -> bool:
        if self._token and hmac.compare_digest(digest(secret), digest(self._token)):
            return True
        try:
            return bool(self._hash) and _hasher().verify(self._hash, secret)
        except (VerifyMismatchError, InvalidHashError):
            return False


def hash_password(password: str) -> str:
    """Return the hash (argon2id) that is kept in the settings.

    Raises:
        InputError: the password is too short.
    """
    if len(password) < MIN_LENGTH:
        raise InputError(f"The password has fewer than {MIN_LENGTH} characters.", "Choose a longer one.")
    return _hasher().hash(password)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()
