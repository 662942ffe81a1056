"""What a file is, by its first bytes rather than by its name."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Literal

from index.readers.parsed import Unreadable

Format = Literal["text", "markdown", "html", "pdf", "docx"]

_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL)
_OTHER_KINDS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"{\\rtf", "an RTF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "a database"),
)
_ZIP_KINDS = (
    ("word/", "docx"),
    ("xl/", "an Excel workbook"),
    ("ppt/", "a PowerPoint presentation"),
    ("META-INF/container.xml", "an e-book"),
    ("content.xml", "an OpenDocument file"),
)
_CONVERT = "Convert it to PDF, Word (.docx), HTML, Markdown or plain text."


def detect(data: bytes, named: Format | None) -> Format:
    """Return the format of ``data``; ``named`` is what the file's name promises.

    Raises ``Unreadable`` for a format that is not read and for content that contradicts its name without telling
    what it is.
    """
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return _inside_zip(data)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise _office_container(data)
    for magic, kind in _OTHER_KINDS:
        if data.startswith(magic):
            raise Unreadable(f"is {kind}.", _CONVERT)
    if _is_html(data[:4096]):
        return "html"
    if named in ("pdf", "docx"):
        label = "PDF" if named == "pdf" else "Word (.docx)"
        raise Unreadable(f"is not a {label} file, whatever its name says.", "Export it again from its program.")
    if named is None:
        raise Unreadable("has a format that is not read.", _CONVERT)
    return named


def _is_html(start: bytes) -> bool:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        start = start.replace(b"\x00", b"")[2:]
    return _HTML.match(start.removeprefix(b"\xef\xbb\xbf")) is not None


def _inside_zip(data: bytes) -> Format:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise Unreadable("is a damaged archive or Word file.", "Save it again from its program.") from None
    for marker, kind in _ZIP_KINDS:
        if any(name.startswith(marker) for name in names):
            if kind == "docx":
                return "docx"
            raise Unreadable(f"is {kind}.", _CONVERT)
    raise Unreadable("is a zip archive.", "Unpack it and add the files in it.")


def _office_container(data: bytes) -> Unreadable:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return Unreadable("is encrypted with a password.", "Save it without a password and add it again.")
    return Unreadable("is in an old Microsoft Office format.", "Save it as Word (.docx) or PDF.")
