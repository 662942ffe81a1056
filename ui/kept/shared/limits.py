"""Token buckets that all processes take from."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from index.errors import CitechatError
from index.store.postgres.server import Server
from ui.web.limits import TokenBuckets

_CLEANED = 0.001
"""Share of the calls that also drop buckets nobody has used for an hour: they are full again."""
AWAY_S = 5.0
"""Seconds for which the server is not asked again once it was not there."""


class SharedBuckets:
    """The buckets of one name. While the server is away, each process has its own. Thread-safe."""

    remote = True

    def __init__(
        self, server: Server, name: str, per_minute: int, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Fill a bucket of ``burst`` tokens with ``per_minute``."""
        self._server = server
        self._values = {"name": name, "rate": per_minute / 60, "burst": burst}
        self._own = TokenBuckets(per_minute, burst)
        self._clock = clock
        self._away_until = float("-inf")

    def wait(self, key: str) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        if self._clock() < self._away_until:
            return self._own.wait(key)
        try:
            return self._shared(key)
        except CitechatError:
            self._away_until = self._clock() + AWAY_S
            return self._own.wait(key)

    def _shared(self, key: str) -> float:
        now = "statement_timestamp()"  # one time for all of a statement; it may be older than another's
        filled = f"least(%(burst)s, b.tokens + %(rate)s * greatest(0, extract(epoch FROM {now} - b.used)::float))"
        ((tokens, taken),) = self._server.read(
            f"""INSERT INTO buckets AS b (name, key, tokens, used) VALUES (%(name)s, %(key)s, %(burst)s - 1, {now})
                ON CONFLICT (name, key) DO UPDATE SET used = greatest(b.used, {now}), taken = {filled} >= 1,
                    tokens = {filled} - CASE WHEN {filled} >= 1 THEN 1 ELSE 0 END
                RETURNING tokens, taken""",
            self._values | {"key": key},
        )
        if random.random() < _CLEANED:  # noqa: S311  # nothing secret
            self._server.read("DELETE FROM buckets WHERE used < now() - interval '1 hour' RETURNING 1")
        return 0.0 if taken else float((1 - tokens) / self._values["rate"])
