"""PDF -> the lines of its pages, read or recognised; ``layout`` rebuilds the blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

from index.readers import ocr
from index.readers.layout import page_blocks
from index.readers.members import MAX_MEMBER_BYTES, Member, is_hidden, path_problem, plain_name
from index.readers.metadata import known_fields, with_header_facts
from index.readers.options import Options, wrong_password
from index.readers.pages import Line
from index.readers.parsed import Parsed, RawBlock, Unreadable, clean
from index.readers.pdf_lines import page_lines
from index.readers.pdf_notes import MOST_NOTES, attachments, page_notes, placed

_PLAIN = Options()
_MOST_RECOGNISED = 500
_FEW_CHARACTERS = 100
_MOST_DRAWINGS = 500
_MOST_RULES = 40
_ALL_OVER = 0.7
_BETTER_SCAN = "No text was recognised in them; try a better scan."
_PDF_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?")
# What programs put there unasked, and the names of files.
_NO_TITLE = re.compile(
    r"microsoft (?:word|powerpoint)|untitled|slide \d|document\d*$|\(?anonymous\)?$|\S*[_-]\S*$|.*\.[a-z]{2,5}$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Page:
    """A page: its lines, form values and comments, whether it is a picture, and whether its lines were recognised."""

    number: int
    lines: list[Line]
    is_scan: bool = False
    recognised: bool = False
    notes: list[RawBlock] = field(default_factory=list)


def parse(data: bytes, options: Options = _PLAIN) -> Parsed:
    """Read a PDF. Raises ``Unreadable`` for encrypted and damaged files and pages without a text layer."""
    with closing(_opened(data, options)) as document:
        return _parsed(document, options)


def members(data: bytes, _name: str, options: Options) -> Iterator[Member]:
    """Yield the files that are attached to a PDF. Raises ``Unreadable`` for encrypted and damaged files."""
    from index.readers import format_named

    with closing(_opened(data, options)) as document:
        for name, content in attachments(document):
            plain = plain_name(name)
            if plain and not is_hidden(name):
                yield Member(plain, partial(_attached, name, content), format_named(plain) is not None)


def _attached(name: str, content: Callable[[], bytes]) -> bytes:
    import pypdfium2

    if problem := path_problem(name):
        raise problem
    try:
        data = content()
    except pypdfium2.PdfiumError:
        raise Unreadable("cannot be taken out of the PDF.", "Open the PDF in a viewer and save the file.") from None
    if len(data) > MAX_MEMBER_BYTES:
        raise Unreadable(f"unpacks to more than {MAX_MEMBER_BYTES // 2**20} MiB.", "Split it into smaller files.")
    return data


def _opened(data: bytes, options: Options) -> Any:  # noqa: ANN401
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(data, password=options.password or None)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise wrong_password(options) from None
        raise Unreadable("is a damaged PDF.", "Open it in a viewer and print or export it to PDF again.") from error


def _parsed(document: Any, options: Options) -> Parsed:  # noqa: ANN401  (pypdfium2 has no types)
    pages = list(_pages(document, options))
    scans = [page.number for page in pages if page.is_scan and not page.recognised]
    scanned = f"{len(scans)} of {len(pages)} pages are scans"
    notes = [note for page in pages for note in page.notes]
    if not notes and not any(page.lines for page in pages):
        if not scans:
            raise Unreadable("has no text layer, and no picture of text.", "Export it again with its text.")
        remedy = _BETTER_SCAN if ocr.is_available() else f"{ocr.INSTALL}, then add it again."
        raise Unreadable(f"has no text layer: {scanned}.", remedy)
    info = _info(document)
    fields = known_fields([("author", info.get("Author", "")), ("modified", _date(info))])
    fields["pages_without_text"] = _listed(page.number for page in pages if not (page.lines or page.notes))
    fields["pages_recognised"] = _listed(page.number for page in pages if page.recognised)
    if scans and not ocr.is_available():
        fields["unread"] = f"{scanned}. {ocr.INSTALL}, then remove it and add it again."
    title = clean(info.get("Title", ""))
    blocks = page_blocks([page.lines for page in pages])
    found = with_header_facts(Parsed(blocks, "" if _NO_TITLE.match(title) else title))
    title = found.title or _largest_heading(found.blocks)
    return Parsed(placed(found.blocks, notes), title, {**found.metadata, **fields})


def _pages(document: Any, options: Options) -> Iterator[_Page]:  # noqa: ANN401
    """Yield the pages with their lines; where they are pictures, with what is recognised in them."""
    import pypdfium2

    left, left_notes = _MOST_RECOGNISED if ocr.is_available() else 0, MOST_NOTES
    with suppress(pypdfium2.PdfiumError):  # before any page is opened
        document.init_forms()
    for number in range(1, len(document) + 1):
        try:
            with closing(document[number - 1]) as page:
                notes = page_notes(page, document.formenv, number, left_notes)
                found = replace(_page(page, number, options, recognise=left > 0), notes=notes)
        except pypdfium2.PdfiumError:
            found = _Page(number, [])
        left -= found.is_scan
        left_notes -= len(found.notes)
        yield found


def _page(page: Any, number: int, options: Options, *, recognise: bool) -> _Page:  # noqa: ANN401
    lines = list(page_lines(page, number))
    if not _is_scan(page, lines):
        return _Page(number, lines)
    options.alive()
    seen = ocr.recognised_lines(page, number) if recognise else []
    is_better = sum(len(line.text) for line in seen) > sum(len(line.text) for line in lines)
    return _Page(number, seen if is_better else lines, is_scan=True, recognised=is_better)


def _is_scan(page: Any, lines: Sequence[Line]) -> bool:  # noqa: ANN401
    """Tell whether a page is a picture: no text but something drawn, or a picture all over and hardly a word."""
    import pypdfium2.raw as pdfium

    if sum(len(line.text) for line in lines) > _FEW_CHARACTERS:
        return False
    width, height = page.get_size()
    kinds = (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_PATH)
    paths = 0
    for drawing in islice(page.get_objects(kinds, max_depth=3), _MOST_DRAWINGS):
        paths += drawing.type == pdfium.FPDF_PAGEOBJ_PATH
        left, bottom, right, top = drawing.get_bounds()
        is_picture = drawing.type == pdfium.FPDF_PAGEOBJ_IMAGE
        if is_picture and (not lines or (right - left) * (top - bottom) > _ALL_OVER * width * height):
            return True
    # Letters that are drawn and not set are many paths; frames and rules are few.
    return paths > _MOST_RULES and not lines


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _largest_heading(blocks: Sequence[RawBlock]) -> str:
    """Return the first of the first page's highest headings."""
    headings = [raw for raw in blocks if raw.kind == "heading" and raw.page == blocks[0].page]
    return min(headings, key=lambda raw: raw.level).text if headings else ""


def _info(document: Any) -> dict[str, str]:  # noqa: ANN401
    try:
        return dict(document.get_metadata_dict())
    except UnicodeDecodeError:
        return {}


def _date(info: dict[str, str]) -> str:
    match = _PDF_DATE.match(info.get("ModDate", "") or info.get("CreationDate", ""))
    return "-".join(filter(None, match.groups())) if match else ""
