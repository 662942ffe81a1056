"""Documents that are zip archives (Word, Excel, OpenDocument, e-books): their members, unpacked within limits."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from index.readers.parsed import Unreadable

if TYPE_CHECKING:
    from lxml.etree import XMLParser, _Element

MAX_UNPACKED = 256 * 2**20
"""How much of an archive is unpacked at most, in bytes."""

_MAX_RATIO = 200
_RATIO_FROM = 32 * 2**20
"""Small members may shrink as they like; what is larger and shrinks more than text ever does is a bomb."""

_CHUNK = 2**20
_DAMAGES = (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, ValueError, zlib.error)


class Package:
    """A document's archive. Nothing is unpacked before it is asked for, and nothing past the limits."""

    def __init__(self, data: bytes, what: str) -> None:
        """Open the archive of ``what`` (``Word file``). Raises ``Unreadable`` if it is damaged, encrypted or a bomb."""
        self._what = what
        self._packed = len(data)
        self._unpacked = 0
        with self._damage_named():
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        members = self._archive.infolist()
        if any(member.flag_bits & 1 for member in members):
            raise Unreadable("is encrypted with a password.", "Save it without a password and add it again.")
        self._check_size(sum(member.file_size for member in members))
        self.names = frozenset(member.filename for member in members)

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a member's content piece by piece. Raises ``Unreadable`` if it is not there or damaged."""
        with self._damage_named():
            if name not in self.names:
                raise ValueError(name)
            with self._archive.open(name) as file:
                while chunk := file.read(_CHUNK):
                    self._unpacked += len(chunk)
                    self._check_size(self._unpacked)
                    yield chunk

    def read(self, name: str) -> bytes:
        """Return a member's content. Raises ``Unreadable`` as ``chunks`` does."""
        return b"".join(self.chunks(name))

    def xml(self, name: str, doctype: bool = False) -> _Element:
        """Return the root of a member that is XML, no entity resolved.

        Raises ``Unreadable`` if it is not there, damaged, or has a document type, which office files never have;
        ``doctype`` allows one that declares no entities.
        """
        from lxml import etree

        try:
            root = etree.fromstring(self.read(name), xml_parser())
        except etree.XMLSyntaxError as error:
            # Where the memory ends, lxml knows of no line.
            raise (self.damaged() if error.lineno else MemoryError()) from error
        if root.getroottree().docinfo.doctype and not (doctype and not declares_entities(root)):
            raise self._has_doctype()
        return root

    def elements(self, name: str, keep: Collection[str]) -> Iterator[_Element]:
        """Yield the elements of a long member as each ends, forgetting it then unless its local name is in ``keep``.

        Raises ``Unreadable`` as ``xml`` does.
        """
        from lxml import etree

        content = self.read(name)
        if b"<!DOCTYPE" in content[:_CHUNK]:
            raise self._has_doctype()
        if not content.strip():
            raise self.damaged()
        try:
            for _, element in etree.iterparse(io.BytesIO(content), resolve_entities=False, no_network=True):
                yield element
                if isinstance(element.tag, str) and element.tag.rpartition("}")[2] not in keep:
                    element.clear()
                    while element.getprevious() is not None:
                        del element.getparent()[0]
        except etree.XMLSyntaxError as error:
            raise (self.damaged() if error.lineno else MemoryError()) from error

    def check(self) -> None:
        """Unpack everything once, holding nothing, for a library that then opens the archive by itself."""
        for name in self.names:
            is_xml = name.endswith((".xml", ".rels"))
            before = b""
            for chunk in self.chunks(name):
                if is_xml and b"<!DOCTYPE" in before + chunk:
                    raise self._has_doctype()
                before = chunk[-16:]

    def damaged(self) -> Unreadable:
        """Return the verdict on a file that contradicts its own format."""
        return Unreadable(f"is a damaged {self._what}.", "Open it in the program that made it and save it again.")

    def _has_doctype(self) -> Unreadable:
        return Unreadable(f"holds a document type, which no {self._what} needs.", "Do not trust it.")

    def _check_size(self, unpacked: int) -> None:
        if unpacked > MAX_UNPACKED:
            problem = f"unpacks to more than {MAX_UNPACKED // 2**20} MiB."
            raise Unreadable(problem, "Split it, or take out what is not text.")
        if unpacked > max(_RATIO_FROM, _MAX_RATIO * self._packed):
            raise Unreadable(f"unpacks to more than {_MAX_RATIO} times its size.", "Do not trust it.")

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGES as error:
            raise self.damaged() from error


def xml_parser(encoding: str | None = None) -> XMLParser:
    """Return a parser that resolves no entity, fetches nothing and stops at absurd nesting and sizes."""
    from lxml import etree

    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_pis=True,
        remove_comments=True,
        encoding=encoding,
    )


def declares_entities(root: _Element) -> bool:
    """Tell whether a document type of its own declares entities in the XML that ``root`` is the root of."""
    declared = root.getroottree().docinfo.internalDTD
    return declared is not None and bool(list(declared.iterentities()))


def joined(base: str, target: str) -> str:
    """Return the name of the member that ``target`` means in the member ``base``; never outside the archive."""
    path = posixpath.join(posixpath.dirname("/" + base), target)
    return posixpath.normpath(path).lstrip("/")
