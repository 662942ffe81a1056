"""What a file is, by its first bytes rather than by its name."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Literal

from index.readers.parsed import Unreadable
from index.readers.syntax import written_in

Format = Literal["text", "markdown", "html", "pdf", "docx",
                 "pptx", "xlsx", "csv", "json", "ipynb", "subtitles", "rtf", "odt", "ods", "odp", "epub"]  # fmt: skip

_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL)
_OTHER_KINDS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x1f\x8b", "a gzip archive"),
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
_PARTS = frozenset(("[Content_Types].xml", "_rels/.rels", "mimetype"))
"""What office files list their parts or state their kind in; an archive may have a folder called ``word`` without."""

_MEDIA_TYPES: Mapping[bytes, Format] = {
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    b"application/epub+zip": "epub",
}
_BINARY: Mapping[Format | None, str] = {
    "pdf": "a PDF",
    "docx": "a Word (.docx)",
    "pptx": "a PowerPoint (.pptx)",
    "xlsx": "an Excel (.xlsx)",
    "odt": "an OpenDocument",
    "ods": "an OpenDocument",
    "odp": "an OpenDocument",
    "epub": "an EPUB",
    "rtf": "an RTF",
}
"""The formats that are known by their first bytes or not at all."""

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
    if found := written_in(data, named):
        return found
    if _is_html(data[:4096]):
        return "html"
    if label := _BINARY.get(named):
        raise Unreadable(f"is not {label} file, whatever its name says.", "Export it again from its program.")
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
            declared = archive.open("mimetype").read(100) if "mimetype" in names else b""
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, zlib.error):
        raise Unreadable("is a damaged archive or office file.", "Save it again from its program.") from None
    if found := _MEDIA_TYPES.get(declared.strip().removesuffix(b"-template")):
        return found
    if "xl/workbook.bin" in names:
        raise Unreadable("is a binary Excel workbook.", "Save it as .xlsx.")
    for marker, kind in _ZIP_KINDS:
        if any(name.startswith(marker) for name in names) and (kind == "epub" or _PARTS.intersection(names)):
            return kind
    if "content.xml" in names:
        raise Unreadable("is an OpenDocument file of a kind that is not read.", _CONVERT)
    raise Unreadable("is a zip archive.", "Unpack it and add the files in it.")


def _office_container(data: bytes) -> Unreadable:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return Unreadable("is encrypted with a password.", "Save it without a password and add it again.")
    return Unreadable("is in an old Microsoft Office format.", "Save it as .docx, .xlsx, .pptx or PDF.")
