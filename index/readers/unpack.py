"""A file, and what lies in it -> documents, one after another; each is read by itself and fails by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path

from index.errors import ReadError
from index.readers import MAX_BYTES, content, document, format_named, kind_of, read_error
from index.readers.kinds import CONTAINERS, ONLY_CONTAINERS, Format, detect, is_document
from index.readers.members import MAX_DEPTH, Budget, Member, TooMuch, told_apart
from index.readers.options import Options
from index.readers.parsed import Unreadable
from index.types import Document

Begin = Callable[[str], bool]
"""Hears which member is worked on from now on (``""``: the file itself); ``False`` leaves it out."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file, or a member of it (named by its way from the file: ``inner.zip/report.md``).

    ``read`` returns its document or raises ``ReadError``; ``data`` is what it reads.
    """

    member: str
    read: Callable[[], Document]
    data: bytes = field(default=b"", repr=False)


def unpack(
    path: Path, source: str, options: Options, begin: Begin = lambda _: True, max_bytes: int = MAX_BYTES
) -> Iterator[Piece]:
    """Yield what the file at ``path``, known to people as ``source``, consists of: itself, and what lies in it.

    A container without a text of its own yields its members only. A member that lies too deep, or that a bound on the
    whole forbids, yields a piece that says so.
    """
    walk = _Walk(source, options, begin)
    if not begin(""):
        return
    try:
        data = content(path, source, max_bytes)
        kind = kind_of(data, path, max_bytes)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is said of that file)
        yield _failed("", error, source)
    else:
        yield from walk.pieces(data, kind, "", 0)


def bytes_of(document_id: str, path: Path, location: str) -> bytes:
    """Return the bytes of a document: the file at ``path``, or what lies in it at ``location``, as in its origin.

    Nothing is unpacked that is not on the way there. Raises ``ReadError`` if it is not there any more.
    """

    def is_it(data: bytes) -> bool:
        return hashlib.sha256(data).hexdigest().startswith(document_id)

    data = content(path, location, MAX_BYTES)
    if is_it(data):
        return data
    for piece in unpack(path, location, Options(), lambda member: not member or f"/{member}/" in f"{location}/"):
        if is_it(piece.data):
            return piece.data
    raise ReadError(f"{location} is not there as it was read.", "Add its file again.")


class _Walk:
    """Goes through a file and what lies in it, within one budget."""

    def __init__(self, source: str, options: Options, begin: Begin) -> None:
        self._source = source
        self._options = options
        self._begin = begin
        self._budget = Budget()

    def pieces(self, data: bytes, kind: Format, member: str, depth: int) -> Iterator[Piece]:
        """Yield the pieces of what is called ``member`` and lies in ``depth`` containers."""
        source = self._name(member)
        options = replace(self._options, alive=lambda: self._go_on(member))
        if kind not in ONLY_CONTAINERS:
            yield Piece(member, partial(document, data, kind, source, options), data)
        if kind not in CONTAINERS:
            return
        found = 0
        try:
            within = told_apart(import_module(f"index.readers.{kind}").members(data, source, options))
            while (each := next(within, None)) is not None:
                if depth == MAX_DEPTH:
                    raise Unreadable(f"lies in {MAX_DEPTH} other files; what is in it is left out.", "Unpack it.")
                self._budget.count()
                found += yield from self._opened(each, f"{member}/{each.name}".lstrip("/"), depth)
                self._begin(member)
            if not found and kind in ONLY_CONTAINERS:
                raise Unreadable("holds nothing that can be read.", "Add files of the known formats.")
        except TooMuch as error:
            # Everything that goes on around it is left out too.
            if member:
                raise
            yield _failed(member, error, source)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is said of that file)
            # What keeps a letter's attachments from being found keeps the letter from being read, and is said there.
            if found or kind in ONLY_CONTAINERS:
                yield _failed(member, error, source)

    def _opened(self, each: Member, member: str, depth: int) -> Generator[Piece, None, bool]:
        """Yield the pieces of a member; return whether it is a document or may be one, so that its failure is told."""
        if not self._begin(member):
            return True
        source = self._name(member)
        try:
            data = each.content()
            self._budget.spend(len(data))
            if not (each.is_promised or is_document(data)):
                return False
            if not data.strip():
                raise Unreadable("is empty.", "Remove it, or add it when it has content.")
            kind = detect(data, format_named(member))
        except TooMuch:
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, it is said of that file)
            yield _failed(member, error, source)
        else:
            yield from self.pieces(data, kind, member, depth + 1)
        return True

    def _name(self, member: str) -> str:
        return f"{self._source}/{member}" if member else self._source

    def _go_on(self, member: str) -> None:
        self._begin(member)


def _failed(member: str, error: Exception, source: str) -> Piece:
    return Piece(member, partial(_fail, read_error(error, source)))


def _fail(error: ReadError) -> Document:
    raise error
