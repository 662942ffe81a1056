"""How much and how often: token buckets, bodies that are too long or too slow, and whom a request comes from."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Protocol

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

Network = IPv4Network | IPv6Network

DRAIN_SECONDS = 2.0


class TooLong(Exception):
    """A body has more than ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(limit)


class Buckets(Protocol):
    """A token bucket for each key: of this process (`TokenBuckets`), or shared by several."""

    @property
    def remote(self) -> bool:
        """Whether `wait` may wait for a server, which an event loop must not."""
        ...

    def wait(self, key: str) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        ...


Bucketing = Callable[[str, int, int], Buckets]
"""Makes the buckets of a name, filled with so many tokens per minute, of so many tokens each."""


class TokenBuckets:
    """A token bucket for each key. The least recently used keys are forgotten, which refills them."""

    remote = False

    def __init__(
        self, per_minute: int, burst: int, keys: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._keys = keys
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        now = self._clock()
        then, tokens = self._buckets.pop(key, (now, float(self._burst)))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        taken = tokens >= 1
        self._buckets[key] = (now, tokens - taken)
        while len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - tokens) / self._rate


def own_buckets(name: str, per_minute: int, burst: int) -> Buckets:  # noqa: ARG001  # there are no others to meet
    """Return buckets of this process."""
    return TokenBuckets(per_minute, burst)


def client_address(scope: Scope, proxies: Sequence[Network]) -> str:
    """Return whom a request comes from.

    ``X-Forwarded-For`` is believed only as far as it was written by ``proxies``: read from its end, the first address
    that is none of them is the client's. An IPv6 client is known by its network of 64 bits: it has all their addresses.
    """
    peer = scope.get("client")
    address = _address(peer[0]) if peer else None
    if address is None:
        return ""
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    while forwarded and any(address in network for network in proxies):
        before = _address(forwarded.pop().strip())
        if before is None:
            break
        address = before
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


async def _drained(receive: Receive, limit: int) -> None:
    """Take what is still being sent, up to ``limit`` bytes: who is hung up on while sending never reads the refusal."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while limit > 0:
                message = await receive()
                limit -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


async def read_body(headers: Headers, receive: Receive, limit: int, seconds: float) -> bytes:
    """Return a whole body.

    Raises:
        TooLong: it is longer than ``limit`` bytes, or announces no length that can be read.
        TimeoutError: it was not complete within ``seconds``.
    """
    announced = headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > limit:
        if announced.isdecimal() and int(announced[:20]) <= 2 * limit:
            await _drained(receive, 2 * limit)
        raise TooLong(limit)
    chunks: list[bytes] = []
    size = 0
    async with asyncio.timeout(seconds):
        while True:
            message = await receive()
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > limit:
                raise TooLong(limit)
            if not message.get("more_body", False):
                return b"".join(chunks)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives ``body`` once and then what ``receive`` gives (the disconnect)."""
    pending: Iterable[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])
    messages = iter(pending)

    async def again() -> Message:
        message = next(messages, None)
        return message if message is not None else await receive()

    return again


def counted(receive: Receive, limit: int, seconds: float) -> Receive:
    """Return a ``receive`` for a body that is read as it comes; it raises what :func:`read_body` raises."""
    size = 0
    deadline = asyncio.get_running_loop().time() + seconds

    async def next_part() -> Message:
        nonlocal size
        async with asyncio.timeout_at(deadline):
            message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise TooLong(limit)
        return message

    return next_part
