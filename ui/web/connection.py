"""Connections that give up on clients who do not send or do not read, so that nobody can hold them for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""Time for the head of a request, from the first moment of a connection or the first byte of a later request."""
READ_SECONDS = 20.0
"""Time in which a client must read something of a reply that waits for it."""


class Connection(H11Protocol):
    """uvicorn's connection with two deadlines. Bodies have theirs in :mod:`ui.web.guard`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Wait for a request, but not for ever."""
        self._deadlines: dict[str, asyncio.TimerHandle] = {}
        super().connection_made(transport)
        self._set("head", HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._clear("head")
        self._clear("read")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends; a head that is not complete keeps its deadline."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._clear("head")
        elif "head" not in self._deadlines:
            self._set("head", HEAD_SECONDS)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write: give it some time, and the reply up after that."""
        super().pause_writing()
        self._set("read", READ_SECONDS)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._clear("read")

    def _set(self, name: str, seconds: float) -> None:
        self._clear(name)
        self._deadlines[name] = self.loop.call_later(seconds, self.transport.abort)

    def _clear(self, name: str) -> None:
        deadline = self._deadlines.pop(name, None)
        if deadline is not None:
            deadline.cancel()
