"""Connections that give up on clients who do not send or do not read, so that nobody can hold them for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""Time for the head of a request, from the first moment of a connection or the first byte of a later request."""
READ_SECONDS = 20.0
"""Time in which a client must read something of a reply that waits for it."""


class Connection(H11Protocol):
    """uvicorn's connection with two deadlines. Bodies have theirs in :mod:`ui.guard`."""

    _head: asyncio.TimerHandle | None = None
    _read: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Wait for a request, but not for ever."""
        super().connection_made(transport)
        self._head = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._head, self._read = _cancelled(self._head), _cancelled(self._read)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends; a head that is not complete keeps its deadline."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._head = _cancelled(self._head)
        elif self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write: give it some time, and the reply up after that."""
        super().pause_writing()
        _cancelled(self._read)
        self._read = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._read = _cancelled(self._read)


def _cancelled(deadline: asyncio.TimerHandle | None) -> None:
    if deadline is not None:
        deadline.cancel()
