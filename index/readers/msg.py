"""Outlook messages (.msg) -> letters.

An OLE compound file. [MS-OXMSG] says which property lies where: one of variable size in a stream called
``__substg1.0_`` and eight hex digits, four for the property and four for its type; those of fixed size together in
``__properties_version1.0``, sixteen bytes each.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime
from functools import partial
from typing import Any

from index.readers.decode import decode, encoding_named
from index.readers.eml import SEALED, header_line
from index.readers.mail import Attachment, Body, Letter, attached, is_stub, parsed
from index.readers.members import MAX_DEPTH, Member
from index.readers.ole import opened
from index.readers.options import Options
from index.readers.parsed import Parsed, Unreadable, clean

_WHAT = "Outlook message"
_SUBJECT, _HEADERS, _BODY, _HTML, _RTF = 0x0037, 0x007D, 0x1000, 0x1013, 0x1009
_SENDER, _SENDER_ADDRESS, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_TO, _CC, _SENT, _DELIVERED = 0x0E04, 0x0E03, 0x0039, 0x0E06
_CLASS, _CODE_PAGE, _INTERNET_CODE_PAGE = 0x001A, 0x3FFD, 0x3FDE
_FILE, _LONG_FILE_NAME, _FILE_NAME, _NAME = 0x3701, 0x3707, 0x3704, 0x3001
_UNICODE, _EIGHT_BIT, _BINARY, _OBJECT, _TIME, _INTEGER = 0x001F, 0x001E, 0x0102, 0x000D, 0x0040, 0x0003
_SEALED_CLASSES = ("ipm.note.smime", "ipm.note.secure", "ipm.note.rpmsg")
_ATTACHED = "__attach_version1.0_#"
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_HEADER_OF_ROOT, _HEADER_OF_EMBEDDED = 32, 24


def parse(data: bytes) -> Parsed:
    """Read an Outlook message. Raises ``Unreadable`` for one that is encrypted, or whose text is in RTF alone."""
    letter = _Storage(opened(data, _WHAT)).letter()
    if not any(clean(body.text) for body in letter.bodies):
        _check_for_rtf(data)
    return parsed(letter)


def members(data: bytes, _name: str, _options: Options) -> Iterator[Member]:
    """Yield the attachments of a message, forwarded messages among them."""
    return attached(_Storage(opened(data, _WHAT)).letter())


def _check_for_rtf(data: bytes) -> None:
    if _Storage(opened(data, _WHAT)).stream(_RTF, _BINARY):
        raise Unreadable("has its text in RTF alone.", "Open it in Outlook and save it as HTML or as plain text.")


class _Storage:
    """A storage that holds a message or an attachment: the whole file, or one in it at ``path``."""

    def __init__(self, ole: Any, path: tuple[str, ...] = (), depth: int = 0) -> None:  # noqa: ANN401
        self._ole = ole
        self._path = path
        self._depth = depth
        self._fixed = self._fixed_properties(_HEADER_OF_EMBEDDED if path else _HEADER_OF_ROOT)
        page = self._fixed.get((_INTERNET_CODE_PAGE, _INTEGER)) or self._fixed.get((_CODE_PAGE, _INTEGER)) or b""
        self._encoding = encoding_named(_code_page(int.from_bytes(page[:4], "little")))

    def letter(self) -> Letter:
        """Return the message that lies here. Raises ``Unreadable`` for one that is encrypted."""
        headers = self.text(_HEADERS).encode("utf-8", "replace")
        if self.text(_CLASS).lower().startswith(_SEALED_CLASSES) or header_line(
            headers, "content-type"
        ).lower().startswith(SEALED):
            raise Unreadable(
                "is encrypted, or signed in a way that hides its text.", "Open it in Outlook and save it readable."
            )
        address = self.text(_SENDER_SMTP) or self.text(_SENDER_ADDRESS)
        name = self.text(_SENDER).replace('"', "")
        name = f'"{name}"' if "," in name else name
        sender = f"{name} <{address}>" if name and "@" in address else name or address
        return Letter(
            subject=self.text(_SUBJECT),
            sender=header_line(headers, "from") or sender,
            to=header_line(headers, "to") or self.text(_TO),
            cc=header_line(headers, "cc") or self.text(_CC),
            date=header_line(headers, "date") or self._date(),
            bodies=self._bodies(),
            attachments=list(self._attachments()),
        )

    def text(self, name: int) -> str:
        """Return a property that is a text, empty if it is not there."""
        if wide := self.stream(name, _UNICODE):
            return wide.decode("utf-16-le", "replace").rstrip("\x00")
        narrow = self.stream(name, _EIGHT_BIT).rstrip(b"\x00")
        return decode(narrow, self._encoding) if narrow else ""

    def stream(self, name: int, kind: int) -> bytes:
        """Return the bytes of a property of variable size, none if it is not there."""
        path = [*self._path, f"__substg1.0_{name:04X}{kind:04X}"]
        return bytes(self._ole.openstream(path).read()) if self._ole.exists(path) else b""

    def _bodies(self) -> list[Body]:
        plain = self.text(_BODY)
        binary = self.stream(_HTML, _BINARY)
        html = decode(binary, self._encoding) if binary else self.text(_HTML)
        if html and is_stub(plain, html):
            return [Body(html, is_html=True)]
        return [Body(plain)] if plain else []

    def _date(self) -> str:
        raw = self._fixed.get((_SENT, _TIME)) or self._fixed.get((_DELIVERED, _TIME))
        if raw is None:
            return ""
        try:
            return format_datetime(_EPOCH + timedelta(microseconds=int.from_bytes(raw, "little") // 10))
        except OverflowError:
            return ""

    def _attachments(self) -> Iterator[Attachment]:
        depth = len(self._path)
        storages = {
            entry[depth]
            for entry in self._ole.listdir(streams=True, storages=False)
            if tuple(entry[:depth]) == self._path and len(entry) > depth and entry[depth].startswith(_ATTACHED)
        }
        for name in sorted(storages):
            storage = _Storage(self._ole, (*self._path, name), self._depth)
            title = storage.text(_LONG_FILE_NAME) or storage.text(_FILE_NAME)
            within = (*self._path, name, f"__substg1.0_{_FILE:04X}{_OBJECT:04X}")
            if self._ole.exists([*within, "__properties_version1.0"]):
                title = storage.text(_NAME) or title or _Storage(self._ole, within).text(_SUBJECT) or "letter"
                title = title.replace("/", "-").removesuffix(".msg")
                yield Attachment(f"{title}.eml", partial(_embedded, self._ole, within, self._depth + 1))
            else:
                yield Attachment(title, partial(storage.stream, _FILE, _BINARY))

    def _fixed_properties(self, header: int) -> dict[tuple[int, int], bytes]:
        path = [*self._path, "__properties_version1.0"]
        data = bytes(self._ole.openstream(path).read()) if self._ole.exists(path) else b""
        entries = (data[at : at + 16] for at in range(header, len(data) - 15, 16))
        return {
            (int.from_bytes(entry[2:4], "little"), int.from_bytes(entry[:2], "little")): entry[8:] for entry in entries
        }


def _embedded(ole: Any, path: tuple[str, ...], depth: int) -> bytes:  # noqa: ANN401
    """Return a message in a message as it would have been sent."""
    if depth > MAX_DEPTH:
        raise Unreadable(f"lies in {MAX_DEPTH} other files; what is in it is left out.", "Save it by itself.")
    letter = _Storage(ole, path, depth).letter()
    message = MIMEMultipart()
    header = {"Subject": letter.subject, "From": letter.sender, "To": letter.to, "Cc": letter.cc, "Date": letter.date}
    for name, text in header.items():
        message[name] = Header(clean(text), "utf-8").encode()
    for body in letter.bodies:
        message.attach(MIMEText(body.text, "html" if body.is_html else "plain", "utf-8"))
    for each in letter.attachments:
        part = MIMEApplication(each.content())
        part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", each.name))
        message.attach(part)
    return message.as_bytes()


def _code_page(number: int) -> str:
    return {65001: "utf-8", 20127: "ascii", 28591: "iso8859-1", 936: "gb18030", 950: "big5"}.get(number, f"cp{number}")
