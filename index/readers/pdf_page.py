"""A page of a PDF as an image, with the places of a quote on it.

Drawing a hostile page is as dangerous as reading it, so a child process with the limits of ``child`` does it, one for
each page: ``python -m index.readers.pdf_page SECONDS MEMORY``, which takes and gives messages of ``wire``.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.errors import ReadError
from index.readers import wire
from index.readers.child import limit, refuse
from index.readers.unpack import bytes_of
from index.readers.worker import child_environment
from index.types import Original

SECONDS = 20.0
"""Wall clock for one page."""
MEMORY = 2 * 2**30
"""Address space of the child, in bytes."""

_WIDTH, _HEIGHT = 1100, 2200
"""Pixels of the image, at most."""
_LARGEST = 16 * 2**20
"""Bytes of the image, at most."""
_PNG = b"\x89PNG\r\n\x1a\n"
_SURE = 8
"""Letters and digits that a part of a quote needs to be marked: fewer could stand anywhere."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle of a page: its corner at the top left, and its size, as shares of the page's width and height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page as PNG, and the rectangles that hold the quote; none if it was not found on the page."""

    png: bytes
    width: int
    height: int
    marks: tuple[Mark, ...]


def draw_page(original: Original, number: int, quote: str, seconds: float = SECONDS) -> PageImage:
    """Draw page ``number`` (from 1) of a PDF, which may lie in another file, in a child process.

    Raises:
        ReadError: the page cannot be drawn, or not within ``seconds``.
    """
    request = json.dumps(
        [original.document_id, str(original.path.absolute()), original.location, number, quote]
    ).encode()
    framed = io.BytesIO()
    wire.send(framed, request)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-B", "-m", "index.readers.pdf_page", str(seconds), str(MEMORY)],
            input=framed.getvalue(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            timeout=seconds,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ReadError(f"Page {number} took longer than {seconds:g} s to draw.", "Read its text instead.") from None
    pipe = io.BytesIO(done.stdout)
    facts, png = wire.receive(pipe), wire.receive(pipe)
    if done.returncode or facts is None or png is None or not png.startswith(_PNG) or len(png) > _LARGEST:
        raise ReadError(f"Page {number} cannot be drawn.", "Read its text instead.")
    width, height, marks = json.loads(facts)
    return PageImage(png, int(width), int(height), tuple(Mark(*map(float, mark)) for mark in marks))


def main(seconds: float, memory: int) -> None:
    """Draw the page that is asked for and send its facts and its image."""
    pipe_out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not run into the messages
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit(memory)
    sys.addaudithook(refuse)
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, seconds + 5)  # in case nobody is left to end this process
    request = wire.receive(sys.stdin.buffer)
    if request is None:
        return
    document_id, path, location, number, quote = json.loads(request)
    image = draw(bytes_of(document_id, Path(path), location), number, quote)
    marks = [(mark.x, mark.y, mark.width, mark.height) for mark in image.marks]
    wire.send(pipe_out, json.dumps([image.width, image.height, marks]).encode())
    wire.send(pipe_out, image.png)


def draw(data: bytes, number: int, quote: str) -> PageImage:
    """Draw a page in this process and find the words of ``quote`` on it."""
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    try:
        page = document[number - 1]
        width, height = page.get_size()
        bitmap = page.render(scale=min(_WIDTH / width, _HEIGHT / height))
        picture = io.BytesIO()
        bitmap.to_pil().save(picture, "PNG")
        marks = tuple(_marks(page, quote, bitmap.width, bitmap.height))
        return PageImage(picture.getvalue(), bitmap.width, bitmap.height, marks)
    finally:
        document.close()


def _marks(page: Any, quote: str, width: int, height: int) -> Iterator[Mark]:  # noqa: ANN401  (pypdfium2 has no types)
    """Yield a rectangle for each line of the quote."""
    import pypdfium2.raw as pdfium

    text_page = page.get_textpage()
    letters: list[str] = []
    places: list[int] = []
    for index in range(text_page.count_chars()):
        code = pdfium.FPDFText_GetUnicode(text_page.raw, index)
        for letter in _squeezed(chr(code)) if 0 < code < 0x110000 else "":
            letters.append(letter)
            places.append(index)
    text = "".join(letters)
    extent = _extent(text, _squeezed(quote)) or _extent(text, _squeezed(_cells(quote)))
    if extent is None:
        return
    line: list[tuple[float, float, float, float]] = []
    for index in dict.fromkeys(places[extent[0] : extent[1]]):
        box = _box(page, text_page, index, width, height)
        if line and not (line[-1][1] < (box[1] + box[3]) / 2 < line[-1][3] and box[0] >= line[-1][0]):
            yield _around(line)
            line = []
        line.append(box)
    yield _around(line)


def _box(page: Any, text_page: Any, index: int, width: int, height: int) -> tuple[float, float, float, float]:  # noqa: ANN401
    """Return left, top, right and bottom of a character as shares of the page."""
    import ctypes

    import pypdfium2.raw as pdfium

    box, x, y = pdfium.FS_RECTF(), ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFText_GetLooseCharBox(text_page.raw, index, box)
    corners: list[tuple[float, float]] = []
    for left, top in ((box.left, box.top), (box.right, box.bottom)):
        pdfium.FPDF_PageToDevice(page.raw, 0, 0, width, height, 0, left, top, x, y)
        corners.append((x.value / width, y.value / height))
    (x1, y1), (x2, y2) = corners
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _around(boxes: list[tuple[float, float, float, float]]) -> Mark:
    left, top, right, bottom = zip(*boxes, strict=True)
    return Mark(min(left), min(top), max(right) - min(left), max(bottom) - min(top))


def _cells(row: str) -> str:
    """Return the cells of a table row, which is stored as ``Header: cell; Header: cell``, without its headers."""
    return " ".join(cell.partition(": ")[2] for cell in row.split("; "))


def _squeezed(text: str) -> str:
    """Return the letters and digits of a text; layout and hyphens differ between a page and its stored text."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _extent(page: str, quote: str) -> tuple[int, int] | None:
    """Return where the quote stands in the page, or as much of its beginning as does: it may go on overleaf."""
    # Whether a beginning of this length is missing is false up to some length and true from there on.
    length = bisect_left(range(1, len(quote) + 1), 1, key=lambda size: quote[:size] not in page)
    if length < min(_SURE, len(quote)) or not length:
        return None
    start = page.index(quote[:length])
    return start, start + length


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
