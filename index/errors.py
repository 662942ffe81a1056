"""Errors that a person can act on.

::

    CitechatError            what went wrong, where, and the remedy; carries the exit code
    ├── InputError           2  bad usage, question, filter, file or configuration
    │   └── ReadError           one document could not be read; the rest goes on
    ├── IndexDamaged         3  the index contradicts itself
    ├── ModelMissing         4  a model or server is not there
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


class Busy(CitechatError):
    """The server has too much to do; the same question may be answered later."""

    exit_code = 4
