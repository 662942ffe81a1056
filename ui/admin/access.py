"""Who is the operator: a password or a token, sessions, and a lock that gets slower with each failure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from index.errors import InputError

SESSION_S = 12 * 3600.0
"""Seconds after which an operator has to log in again."""
MAX_SESSIONS = 100
FREE_FAILURES = 3
"""Wrong passwords of an address before it has to wait."""
MAX_WAIT_S = 900.0
MIN_LENGTH = 12
"""Characters of a password or token, at least."""
_ADDRESSES = 10_000


@dataclass(slots=True)
class Session:
    """An operator who is logged in. ``csrf`` is in every form; ``notices`` are shown once, on the next page."""

    ends: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    notices: list[str] = field(default_factory=list)


class Access:
    """Checks secrets and keeps sessions, in memory. Thread-safe."""

    def __init__(self, password_hash: str, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the secrets of the settings; with none of them nobody can log in.

        Raises:
            InputError: the hash is none, or the token is too short to be safe.
        """
        if password_hash and not password_hash.startswith("$argon2id$"):
            raise InputError("The setting admin_password_hash is no hash of ours.", "Make one: citechat password")
        if token and len(token) < MIN_LENGTH:
            raise InputError(f"CITECHAT_ADMIN_TOKEN has fewer than {MIN_LENGTH} characters.", "Choose a longer one.")
        self._hash = password_hash
        self._token = token
        self._clock = clock
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def enabled(self) -> bool:
        """Whether there is any way in."""
        return bool(self._hash or self._token)

    def wait(self, address: str) -> float:
        """Return the seconds until an address may try again; 0 is now."""
        with self._lock:
            failures, last = self._failures.get(address, (0, 0.0))
            if failures < FREE_FAILURES:
                return 0.0
            pause = min(MAX_WAIT_S, 2.0 ** (failures - FREE_FAILURES + 1))
            return max(0.0, last + pause - self._clock())

    def log_in(self, address: str, secret: str) -> str | None:
        """Return the key of a new session, or ``None`` if the secret is wrong or the address has to wait."""
        if self.wait(address):
            return None
        with self._one_at_a_time:  # a hash takes memory on purpose: many at once would take all of it
            right = self._is_right(secret)
        with self._lock:
            if not right:
                failures, _ = self._failures.pop(address, (0, 0.0))
                self._failures[address] = (failures + 1, self._clock())
                while len(self._failures) > _ADDRESSES:
                    self._failures.popitem(last=False)
                return None
            self._failures.pop(address, None)
            key = secrets.token_urlsafe(32)
            self._sessions[_digest(key)] = Session(self._clock() + SESSION_S)
            while len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
            return key

    def session(self, key: str | None) -> Session | None:
        """Return the session of a key, unless it has ended."""
        with self._lock:
            session = self._sessions.get(_digest(key or ""))
            if session is not None and session.ends <= self._clock():
                del self._sessions[_digest(key or "")]
                return None
            return session

    def log_out(self, key: str | None) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(_digest(key or ""), None)

    def _is_right(self, secret: str) -> bool:
        if self._token and hmac.compare_digest(_digest(secret), _digest(self._token)):
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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
