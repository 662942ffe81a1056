"""What a file is, by its first bytes rather than by its name."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Literal

from index.readers import ole
from index.readers.parsed import Unreadable
from index.readers.syntax import plain_text, written_in

Format = Literal["text", "tex", "org", "rst", "adoc", "lines", "markdown", "html", "xml", "pdf", "docx", "doc",
                 "xls", "ppt", "pptx", "xlsx", "csv", "json", "ipynb", "subtitles", "rtf", "odt", "ods", "odp", "epub",
                 "eml", "msg", "mbox", "archive"]  # fmt: skip

CONTAINERS: frozenset[Format] = frozenset({"eml", "msg", "mbox", "archive", "pdf"})
"""The formats that hold other files: their modules have a function ``members``."""

ONLY_CONTAINERS: frozenset[Format] = frozenset({"mbox", "archive"})
"""Those without a text of their own: their modules have no function ``parse``."""

_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"\s*<\?xml\s", re.IGNORECASE)
_MAYBE_XML: frozenset[Format | None] = frozenset({None, "text", "lines"})
_MAYBE_TEXT: frozenset[Format | None] = frozenset({"doc", "xls", "ppt"})
"""What programs of the time called text and tables that they wrote for Office to open."""

_OTHER_KINDS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "a database"),
)
_ZIP_KINDS: tuple[tuple[str, Format], ...] = (
    ("word/", "docx"),
    ("xl/", "xlsx"),
    ("ppt/", "pptx"),
    ("META-INF/container.xml", "epub"),
)
_OLE_KINDS: tuple[tuple[str, Format], ...] = (
    ("WordDocument", "doc"),
    ("Workbook", "xls"),
    ("Book", "xls"),
    ("PowerPoint Document", "ppt"),
)
_OLE_DOCUMENTS = tuple(
    name.encode("utf-16-le").ljust(56, b"\0")
    for name in (*(stream for stream, _ in _OLE_KINDS), "__properties_version1.0", "EncryptedPackage")
)
"""How the streams of documents stand in the folder of such a file. Names are searched for, not read: nothing in them
can do harm where files are only looked for."""
_PARTS = frozenset(("[Content_Types].xml", "_rels/.rels", "mimetype"))
"""What office files list their parts or state their kind in; an archive may have a folder called ``word`` without."""

_PDF = b"%PDF-"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_TAR = slice(257, 262)
_START = 2**16
_HEADER = rb"[\x21-\x39\x3b-\x7e]{1,76}:[^\n]{0,2000}\n(?:[ \t][^\n]{0,2000}\n){0,200}"
_LETTER = re.compile(rb"(?:%b){2,}" % _HEADER)
_MAILED = re.compile(rb"^(?:Received|Message-ID|MIME-Version|Return-Path|Delivered-To):", re.IGNORECASE | re.MULTILINE)
_MAILBOX = re.compile(rb"From \S{1,500} [^\n]{0,100}\d{4}[^\n]{0,40}\n>?%b" % _HEADER)
_MEDIA_TYPES: Mapping[bytes, Format] = {
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    b"application/epub+zip": "epub",
}
_BINARY: Mapping[Format | None, str] = {
    "pdf": "a PDF file",
    "docx": "a Word (.docx) file",
    "pptx": "a PowerPoint (.pptx) file",
    "xlsx": "an Excel (.xlsx) file",
    "odt": "an OpenDocument file",
    "ods": "an OpenDocument file",
    "odp": "an OpenDocument file",
    "epub": "an EPUB file",
    "rtf": "an RTF file",
    "msg": "an Outlook message",
    "mbox": "a mailbox",
    "archive": "an archive",
}
"""The formats that are known by their content or not at all."""

_CONVERT = "Convert it to PDF, Word (.docx), HTML, Markdown or plain text."


def detect(data: bytes, named: Format | None) -> Format:
    """Return the format of ``data``; ``named`` is what the file's name promises, ``None`` if that is nothing known.

    Raises ``Unreadable`` for a format that is not read and for content that contradicts its name without telling
    what it is. Text of any other kind is read as it stands.
    """
    if data.startswith(_ZIP):
        return _inside_zip(data)
    if data.startswith(_OLE):
        return _inside_ole(data)
    if _PDF in data[:1024] and (named == "pdf" or data.lstrip().startswith(_PDF)):
        return "pdf"  # some come with a few lines before; other files may only hold one, or speak of it
    for magic, kind in _OTHER_KINDS:
        if data.startswith(magic):
            raise Unreadable(f"is {kind}.", _CONVERT)
    if found := _packed_or_mailed(data, named) or written_in(data, named):
        return found
    if _is_html(data[:4096]):
        return "html"
    if label := _BINARY.get(named):
        raise Unreadable(f"is not {label}, whatever its name says.", "Export it again from its program.")
    return _text_as(named, data)


def _text_as(named: Format | None, data: bytes) -> Format:
    """Return what a text of no other format is: XML, what its name says, or what it looks like."""
    if named in _MAYBE_TEXT:
        named = "csv" if named == "xls" and b"\t" in data[:_START] else None
    if named in _MAYBE_XML and _XML.match(_without_mark(data[:4096])):
        return "xml"
    return named or plain_text(data)


def is_ole(start: bytes) -> bool:
    """Tell whether a file is of the kind in which Office kept its files, and other programs and Windows theirs."""
    return start.startswith(_OLE)


def is_document(data: bytes) -> bool:
    """Tell whether a file whose name promises nothing is worth reading: by its first 64 KiB, of `is_ole` by all of it.

    It is if a format shows or if it is prose; settings, source code and data are not.
    """
    start = data[:_START]
    if start.startswith(_ZIP):
        return True  # what it holds is told further on
    if is_ole(start):
        return any(name in data for name in _OLE_DOCUMENTS)
    if b"\0" in start and not start.startswith(_UTF_16) and start[_TAR] != b"ustar":
        return False
    try:
        return detect(start, None) != "lines"
    except Unreadable:
        return False


def _packed_or_mailed(data: bytes, named: Format | None) -> Format | None:
    """Return the format of an archive or of mail: header lines, among them one that only mail programs write."""
    if data.startswith(_PACKED) or data[_TAR] == b"ustar":
        return "archive"
    start = data[:_START].replace(b"\r\n", b"\n")
    if _MAILBOX.match(start):
        # A letter saved by itself may begin with the line that separates letters in a mailbox.
        return "eml" if named == "eml" else "mbox"
    header = _LETTER.match(start)
    return "eml" if header and _MAILED.search(header[0]) else None


def may_only_hold_others(start: bytes) -> bool:
    """Tell whether the file that begins with ``start`` may be an archive or a mailbox, which may be large."""
    mailbox = _MAILBOX.match(start[:_START].replace(b"\r\n", b"\n"))
    return start.startswith((b"PK", *_PACKED)) or start[_TAR] == b"ustar" or mailbox is not None


def _is_html(start: bytes) -> bool:
    return _HTML.match(_without_mark(start)) is not None


def _without_mark(start: bytes) -> bytes:
    """Return the start of a text without its byte order mark and the zeros of UTF-16."""
    if start.startswith(_UTF_16):
        start = start.replace(b"\x00", b"")[2:]
    return start.removeprefix(b"\xef\xbb\xbf")


def _inside_zip(data: bytes) -> Format:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            declared = archive.open("mimetype").read(100) if "mimetype" in names else b""
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, zlib.error):
        raise Unreadable("is a damaged archive or office file.", "Save it again from its program.") from None
    if found := _MEDIA_TYPES.get(declared.strip().removesuffix(b"-template")):
        return found
    if "xl/workbook.bin" in names:
        raise Unreadable("is a binary Excel workbook.", "Save it as .xlsx.")
    if any((name.startswith("Index/") and name.endswith(".iwa")) or name == "Index.zip" for name in names):
        raise Unreadable(
            "is a Pages, Numbers or Keynote document.", "Export it as Word, Excel or PowerPoint, or as PDF."
        )
    for marker, kind in _ZIP_KINDS:
        if any(name.startswith(marker) for name in names) and (kind == "epub" or _PARTS.intersection(names)):
            return kind
    if "content.xml" in names and "mimetype" in names:
        raise Unreadable("is an OpenDocument file of a kind that is not read.", _CONVERT)
    return "archive"


def _inside_ole(data: bytes) -> Format:
    if "__properties_version1.0".encode("utf-16-le") in data:
        return "msg"
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise Unreadable("is encrypted with a password.", "Save it without a password and add it again.")
    names = ole.names(data)
    for stream, kind in _OLE_KINDS:
        if stream in names:
            return kind
    raise Unreadable("is in a Microsoft format that is not read.", "Save it as .docx, .xlsx, .pptx or PDF.")
