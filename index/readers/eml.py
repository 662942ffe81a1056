"""Mail as it is sent (RFC 5322 and MIME) -> letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from functools import partial

from index.readers import html
from index.readers.decode import decode, encoding_named
from index.readers.mail import Attachment, Body, Letter, attached, is_stub, parsed
from index.readers.members import Member
from index.readers.options import Options
from index.readers.parsed import Parsed, Unreadable

SEALED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
"""Content types of letters whose text only the receiver's mail program can show."""

_FOLD = re.compile(r"\r?\n(?=[ \t])")


def parse(data: bytes) -> Parsed:
    """Read a letter, or the page that a browser saved as one. Raises ``Unreadable`` for a letter that is encrypted."""
    page = _saved_page(data)
    return html.parse(page) if page else parsed(_letter(data))


def members(data: bytes, _name: str, _options: Options) -> Iterator[Member]:
    """Yield the attachments of a letter, forwarded letters among them."""
    return iter(()) if _saved_page(data) else attached(_letter(data))


def _saved_page(data: bytes) -> bytes:
    """Return the page of a web archive (MHTML), empty for letters."""
    if "<saved by " not in header_line(data, "from").lower():
        return b""
    message = BytesParser(policy=policy.compat32).parsebytes(data)
    return next((_payload(part) for part in message.walk() if part.get_content_type() == "text/html"), b"")


def header_line(data: bytes, name: str) -> str:
    """Return one header line of a letter, decoded; empty if it has none."""
    return _header(BytesParser(policy=policy.compat32).parsebytes(data, headersonly=True), name)


def _letter(data: bytes) -> Letter:
    message = BytesParser(policy=policy.compat32).parsebytes(_as_bytes(data))
    if message.get_content_type() in SEALED:
        raise Unreadable(
            "is encrypted, or signed in a way that hides its text.", "Open it in its mail program and save it readable."
        )
    bodies: list[Body] = []
    attachments: list[Attachment] = []
    _collect(message, bodies, attachments)
    return Letter(
        subject=_header(message, "subject"),
        sender=_header(message, "from") or _header(message, "sender"),
        to=_header(message, "to"),
        cc=_header(message, "cc"),
        date=_header(message, "date"),
        bodies=bodies,
        attachments=attachments,
    )


def _as_bytes(data: bytes) -> bytes:
    """Return a letter that was saved as UTF-16 text, or with a byte order mark, as UTF-8."""
    is_marked = data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or b"\x00" in data[:4]
    return decode(data).encode("utf-8", "replace") if is_marked else data


def _collect(part: Message, bodies: list[Body], attachments: list[Attachment]) -> None:
    """Go through a part and those in it, in order."""
    kind = part.get_content_type()
    payload = part.get_payload()
    parts = [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []
    if kind == "message/rfc822" and parts:
        name = _header(parts[0], "subject").replace("/", "-") or "letter"
        attachments.append(Attachment(f"{name}.eml", parts[0].as_bytes))
    elif kind == "multipart/alternative":
        versions: list[Body] = []
        for each in parts:
            _collect(each, versions, attachments)
        bodies += _best(versions)
    elif parts:
        for each in parts:
            _collect(each, bodies, attachments)
    elif kind in ("text/plain", "text/html") and not _file_name(part) and not _is_attachment(part):
        flowed = str(part.get_param("format", "")).lower() == "flowed"
        bodies.append(Body(_text(part), is_html=kind == "text/html", flowed=flowed))
    else:
        attachments.append(Attachment(_file_name(part), partial(_payload, part)))


def _best(versions: list[Body]) -> list[Body]:
    """Return the version that says it all: plain text, unless it only stands in for the HTML."""
    plain = [body for body in versions if not body.is_html]
    html = [body for body in versions if body.is_html]
    if plain and html and is_stub("\n".join(body.text for body in plain), html[-1].text):
        return html[-1:]
    return plain or html[-1:]


def _payload(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _text(part: Message) -> str:
    declared = part.get_content_charset() if isinstance(part.get_param("charset", ""), str) else None
    return _decoded(_payload(part), declared)


def _decoded(data: bytes, charset: str | None) -> str:
    """Return text in UTF-8 where it is that whatever it declares, in the declared encoding, or in a guessed one."""
    if not data.isascii():
        # In other encodings hardly anything is valid UTF-8; those that only use ASCII bytes have to be declared.
        with suppress(UnicodeDecodeError):
            return data.decode()
    try:
        return decode(data, encoding_named(charset or ""))
    except Unreadable:
        return data.decode("latin-1")


def _header(message: Message, name: str) -> str:
    """Return a header line: unfolded, its encoded words decoded, raw bytes taken for what they are."""
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name), "")
    raw = _FOLD.sub("", raw)
    if not raw.isascii():
        raw = _decoded(raw.encode("utf-8", "surrogateescape"), None)
    return _words(raw)


def _words(text: str) -> str:
    """Return ``text`` with its encoded words decoded; what is no valid one stays as it is."""
    try:
        found = decode_header(text)
    except (HeaderParseError, ValueError):
        return text
    if len(found) == 1 and isinstance(found[0][0], str):
        return text
    return "".join(
        part if isinstance(part, str) else _decoded(part, charset) if charset else part.decode("utf-8", "replace")
        for part, charset in found
    )


def _is_attachment(part: Message) -> bool:
    return (part.get_content_disposition() or "") == "attachment"


def _file_name(part: Message) -> str:
    """Return the name of an attached file; some programs encode it as if it were a header's words."""
    name = part.get_filename("")
    if not name.isascii():
        name = _decoded(name.encode("utf-8", "surrogateescape"), None)
    return _words(name)
