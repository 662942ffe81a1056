"""Operators who are logged in, and addresses that have to wait: in this process, or shared by several."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

SESSION_S = 12 * 3600.0
"""Seconds after which an operator has to log in again."""
MAX_SESSIONS = 100
FREE_FAILURES = 3
"""Wrong passwords of an address before it has to wait."""
MAX_WAIT_S = 900.0
MAX_ADDRESSES = 10_000


class Session(Protocol):
    """An operator who is logged in."""

    @property
    def csrf(self) -> str:
        """What is in every form."""
        ...

    def tell(self, notices: Sequence[str]) -> None:
        """Add to what is shown on the next page."""
        ...

    def told(self) -> list[str]:
        """Return what is to be shown, once."""
        ...


class Ledger(Protocol):
    """Keeps sessions, by keys that cannot be guessed, and failures, by address. Thread-safe."""

    def wait(self, address: str) -> float:
        """Return the seconds until an address may try again; 0 is now."""
        ...

    def attempt(self, address: str) -> bool:
        """Count a failure of an address before its secret is looked at; refuse if it has to wait."""
        ...

    def begin(self, address: str) -> str:
        """Forget the failures of an address and return the key of a new session."""
        ...

    def session(self, key: str) -> Session | None:
        """Return the session of a key, unless it has ended."""
        ...

    def end(self, key: str) -> None:
        """End a session."""
        ...


def pause(failures: int) -> float:
    """Return the seconds that an address has to wait after so many failures."""
    return 0.0 if failures < FREE_FAILURES else min(MAX_WAIT_S, 2.0 ** min(failures - FREE_FAILURES + 1, 30))


@dataclass(slots=True)
class MemorySession:
    """A session of this process."""

    ends: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    notices: list[str] = field(default_factory=list)

    def tell(self, notices: Sequence[str]) -> None:
        """See `Session`."""
        self.notices += notices

    def told(self) -> list[str]:
        """See `Session`."""
        return [self.notices.pop(0) for _ in range(len(self.notices))]


class MemoryLedger:
    """The `Ledger` of one process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, MemorySession] = OrderedDict()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """See `Ledger`."""
        with self._lock:
            return self._wait(address)

    def attempt(self, address: str) -> bool:
        """See `Ledger`."""
        with self._lock:
            if self._wait(address):
                return False
            failures, _ = self._failures.pop(address, (0, 0.0))
            self._failures[address] = (failures + 1, self._clock())
            while len(self._failures) > MAX_ADDRESSES:
                self._failures.popitem(last=False)
            return True

    def begin(self, address: str) -> str:
        """See `Ledger`."""
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._failures.pop(address, None)
            self._sessions[digest(key)] = MemorySession(self._clock() + SESSION_S)
            while len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
        return key

    def session(self, key: str) -> Session | None:
        """See `Ledger`."""
        with self._lock:
            session = self._sessions.get(digest(key))
            if session is not None and session.ends <= self._clock():
                del self._sessions[digest(key)]
                return None
            return session

    def end(self, key: str) -> None:
        """See `Ledger`."""
        with self._lock:
            self._sessions.pop(digest(key), None)

    def _wait(self, address: str) -> float:
        failures, last = self._failures.get(address, (0, 0.0))
        return max(0.0, last + pause(failures) - self._clock()) if pause(failures) else 0.0


def digest(text: str) -> str:
    """Return what stands for a secret where it is kept."""
    return hashlib.sha256(text.encode()).hexdigest()
