"""Office documents for the tests of their readers, made by other programs' libraries or by hand."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import openpyxl
import pptx

from tests.files import archive

ODF_NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"), ("meta", "meta"),
        ("presentation", "presentation"),
    )
)  # fmt: skip
CONTAINER = (
    b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    b'<rootfile full-path="OEBPS/content.opf"/></rootfiles></container>'
)


def workbook(fill: Any) -> bytes:  # noqa: ANN401  (a function of an openpyxl.Workbook, which has no types)
    made = openpyxl.Workbook()
    fill(made)
    out = BytesIO()
    made.save(out)
    return out.getvalue()


def presentation(fill: Any) -> bytes:  # noqa: ANN401  (a function of a pptx.Presentation, which has no types)
    made = pptx.Presentation()
    fill(made)
    out = BytesIO()
    made.save(out)
    return out.getvalue()


def opendocument(kind: str, content: str, meta: str = "") -> bytes:
    """Return a ``text``, ``spreadsheet`` or ``presentation`` with this content and these elements of metadata."""
    body = f"<office:body><office:{kind}>{content}</office:{kind}></office:body>"
    members = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": f"<office:document-content {ODF_NAMES}>{body}</office:document-content>",
        "meta.xml": f'<office:document-meta {ODF_NAMES} xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<office:meta>{meta}</office:meta></office:document-meta>",
    }
    return archive({name: text.encode() for name, text in members.items()})


def book(chapters: dict[str, str], metadata: str = "", extra: dict[str, bytes] | None = None) -> bytes:
    """Return an EPUB of these chapters (name -> body of the page), the spine in reverse order of the manifest."""
    items = "".join(f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in chapters)
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    items = "".join(reversed([f"{item}/>" for item in items.split("/>")[:-1]]))
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata>{metadata}</metadata><manifest>{items}"
        '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>'
        f"<spine>{spine}</spine></package>"
    )
    pages = {
        f"OEBPS/{name}": f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">{page}</html>'.encode()
        for name, page in chapters.items()
    }
    members = {"mimetype": b"application/epub+zip", "META-INF/container.xml": CONTAINER}
    return archive({**members, "OEBPS/content.opf": opf.encode(), **pages, **(extra or {})})
