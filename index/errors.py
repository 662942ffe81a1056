"""Errors that a person can act on.

::

    CitechatError            what went wrong, where, and the remedy; carries the exit code
    ├── InputError           2  bad usage, question, filter, file or configuration
    │   └── ReadError           one document could not be read; the rest goes on
    ├── IndexDamaged         3  the index contradicts itself
    ├── ModelMissing         4  a model or server is not there
    │   └── ModelFailed         a language model gave no answer, or broke off
    │       └── ContextTooSmall    it cannot read so much at a time
    ├── StoreUnavailable     4  the database server is not there, or lets nobody in
    └── Busy                 4  too much is asked of it at once
"""

from __future__ import annotations

from typing import ClassVar


class CitechatError(Exception):
    """Base of every error that citechat raises on purpose.

    Its text is one or two sentences: what and where, then the remedy.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem} {remedy}".strip())


class InputError(CitechatError):
    """The user's input cannot be used as it is."""


class ReadError(InputError):
    """A document cannot be read. Other documents are not affected."""

    def __reduce__(self) -> tuple[type[ReadError], tuple[str, str]]:
        return type(self), (self.problem, self.remedy)


class IndexDamaged(CitechatError):
    """The index on disk contradicts itself or was made by another embedder."""

    exit_code = 3


class ModelMissing(CitechatError):
    """A model file or model server that is needed is not there."""

    exit_code = 4


class ModelFailed(ModelMissing):
    """A language model gave no answer, or none that can be used."""


class ContextTooSmall(ModelFailed):
    """The messages are longer than a language model can read.

    ``asked`` and ``limit`` are in the model's own tokens, where it tells.
    """

    def __init__(self, asked: int | None = None, limit: int | None = None) -> None:
        self.asked = asked
        self.limit = limit
        counts = f" ({asked:,} tokens, and {limit:,} fit)" if asked is not None and limit is not None else ""
        super().__init__(f"The quotes are longer than the language model can read{counts}.", "Raise its context.")


class StoreUnavailable(CitechatError):
    """The server that holds the index is not there, or does not let us in."""

    exit_code = 4


class Busy(CitechatError):
    """The server has too much to do; the same question may be answered later."""

    exit_code = 4
