"""Calls that may wait for a server, without keeping the event loop waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

from starlette.concurrency import run_in_threadpool

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


class Keeper(Protocol):
    """Keeps something in this process, or on a server."""

    @property
    def remote(self) -> bool:
        """Whether a call may wait for a server."""
        ...


async def aside(
    keeper: Keeper, call: Callable[Parameters, Value], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Value:
    """Return what a keeper's method returns; in a thread, if it may wait for a server."""
    return await run_in_threadpool(call, *args, **kwargs) if keeper.remote else call(*args, **kwargs)
