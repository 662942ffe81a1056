"""What people put on the pages of a PDF and what it holds besides: form values, comments, attached files."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from index.readers.parsed import RawBlock, clean, comment

MOST_NOTES = 5_000
"""Form fields and comments of a file that are read."""

_MOST_CHARACTERS = 20_000
_FIELDS, _COMMENTS = -1, -2
"""The groups of their rows."""

_HIDDEN = 2 | 32
_SECRET = 1 << 13
_UNWRITTEN = frozenset(("", "Off"))


def page_notes(page: Any, form: Any, number: int, most: int) -> list[RawBlock]:  # noqa: ANN401
    """Return a row for each filled field and each comment of a page, of the first ``most`` annotations.

    A field is written ``Label: value``, a comment ``Comment by author: text``; each is quoted as a whole.
    """
    import pypdfium2.raw as pdfium

    fields, comments = [], []
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), most)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            if pdfium.FPDFAnnot_GetFlags(annotation) & _HIDDEN:
                continue
            kind = pdfium.FPDFAnnot_GetSubtype(annotation)
            if kind == pdfium.FPDF_ANNOT_WIDGET:
                fields.append(_field(annotation, form.raw) if form else "")
            elif kind not in (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP, pdfium.FPDF_ANNOT_FILEATTACHMENT):
                comments.append(_comment(annotation))
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    # All buttons of a group tell its value.
    rows = [RawBlock("row", text, page=number, group=_FIELDS) for text in dict.fromkeys(filter(None, fields))]
    return rows + [RawBlock("row", text, page=number, group=_COMMENTS) for text in filter(None, comments)]


def placed(blocks: Sequence[RawBlock], notes: Sequence[RawBlock]) -> list[RawBlock]:
    """Put the notes of each page behind its blocks; behind the whole of a paragraph that the next page goes on with.

    They are then counted to that page, for pages follow one another.
    """
    laid: list[RawBlock] = []
    waiting = list(notes)
    for raw in blocks:
        if raw.glue is None:
            page = raw.page or 0
            due = [note for note in waiting if (note.page or 0) < page]
            laid += _counted_on(due, laid)
            waiting = waiting[len(due) :]
        laid.append(raw)
    return laid + _counted_on(waiting, laid)


def _counted_on(notes: Sequence[RawBlock], before: Sequence[RawBlock]) -> list[RawBlock]:
    reached = before[-1].page or 0 if before else 0
    return [replace(note, page=max(note.page or 0, reached)) for note in notes]


def attachments(document: Any) -> Iterator[tuple[str, Callable[[], bytes]]]:  # noqa: ANN401
    """Yield the name of each attached file, and what gives its bytes."""
    import pypdfium2

    for index in range(document.count_attachments()):
        try:
            attachment = document.get_attachment(index)
            name = attachment.get_name()
        except (pypdfium2.PdfiumError, UnicodeDecodeError):
            continue
        yield name, partial(_content, attachment)


def _content(attachment: Any) -> bytes:  # noqa: ANN401
    return bytes(attachment.get_data())


def _field(annotation: Any, form: Any) -> str:  # noqa: ANN401
    """Return what is filled in, after what it is called; empty for buttons, passwords and what is not filled in."""
    import pypdfium2.raw as pdfium

    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in (pdfium.FPDF_FORMFIELD_PUSHBUTTON, pdfium.FPDF_FORMFIELD_SIGNATURE, pdfium.FPDF_FORMFIELD_UNKNOWN):
        return ""
    if kind == pdfium.FPDF_FORMFIELD_TEXTFIELD and pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _SECRET:
        return ""
    value = _told(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
    if value in _UNWRITTEN:
        return ""
    label = _told(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
    label = label or _told(pdfium.FPDFAnnot_GetFormFieldName, form, annotation)
    return f"{label.rstrip(':')}: {value}" if label else value


def _comment(annotation: Any) -> str:  # noqa: ANN401
    import pypdfium2.raw as pdfium

    text = _told(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents")
    author = _told(pdfium.FPDFAnnot_GetStringValue, annotation, b"T")
    return comment(author, text)


def _told(function: Callable[..., int], *arguments: Any) -> str:  # noqa: ANN401
    """Return the text that a function of pdfium writes, on one line, cut where it is longer than is sane."""
    size = function(*arguments, None, 0)
    buffer = ctypes.create_string_buffer(size + 2)
    function(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return clean(buffer.raw[: max(size - 2, 0)].decode("utf-16-le", "replace")[:_MOST_CHARACTERS])
