"""The lines of a PDF's page, as pdfium reads them."""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from index.readers.layout import HYPHEN
from index.readers.pages import Line

_CELL_GAP = 1.6
_BOLD = re.compile(r"bold|black|heavy|semibold|demi|medi\b|cmbx", re.IGNORECASE)


def page_lines(page: Any, number: int) -> Iterator[Line]:  # noqa: ANN401
    """Yield the lines of a page in pdfium's reading order."""
    text_page = page.get_textpage()
    if page.get_rotation() and not _is_turned(text_page):
        # pdfium orders lines as the page is shown: of text that lies on its side then, from the last to the first.
        text_page.close()
        page.set_rotation(0)
        text_page = page.get_textpage()
    try:
        characters: list[tuple[str, int]] = []
        for index in range(text_page.count_chars()):
            character = _character(text_page.raw, index)
            if character not in "\r\n":
                characters.append((character, index))
            if character in ("\n", HYPHEN) and characters:
                yield from _line(text_page.raw, characters, number)
                characters = []
        if characters:
            yield from _line(text_page.raw, characters, number)
    finally:
        text_page.close()


def _is_turned(text_page: Any) -> bool:  # noqa: ANN401
    """Tell whether a page's first letter runs another way than to the right, before the page itself is turned."""
    shown = (index for index in range(text_page.count_chars()) if _character(text_page.raw, index).strip())
    return _angle(text_page.raw, next(shown, 0)) != 0.0


def _character(raw: Any, index: int) -> str:  # noqa: ANN401
    import pypdfium2.raw as pdfium

    code = pdfium.FPDFText_GetUnicode(raw, index)
    # 2 is what some versions give for the hyphen at the end of a line.
    return HYPHEN if code == 2 else chr(code) if 0 < code < 0x110000 else ""


def _line(raw: Any, characters: list[tuple[str, int]], page: int) -> Iterator[Line]:  # noqa: ANN401
    """Yield the line that ``characters`` make, split into cells at wide gaps; nothing if it is blank."""
    visible = [index for character, index in characters if character.strip()]
    if not visible:
        return
    angle = _angle(raw, visible[0])
    boxes = {index: _box(raw, index, angle) for index in visible}
    size, _ = Counter(round(top - bottom, 1) for _, _, bottom, top in boxes.values()).most_common(1)[0]
    baseline, _ = Counter(round(bottom, 1) for _, _, bottom, _ in boxes.values()).most_common(1)[0]
    cells: list[tuple[float, float, str]] = []
    text: list[str] = []
    left = right = boxes[visible[0]][0]
    for character, index in characters:
        if index not in boxes:
            text.append(" ")
            continue
        start, end, _, _ = boxes[index]
        if start - right > _CELL_GAP * size and text:
            cells.append((left, right, _whole("".join(text))))
            text, left = [], start
        text.append(character)
        right = end
    cells.append((left, right, _whole("".join(text))))
    bold = all(_BOLD.search(_font(raw, index)) for index in (visible[0], visible[-1]))
    yield Line(page, tuple(cells), baseline, size, bold, turned=angle != 0.0)


def _whole(text: str) -> str:
    """Join surrogate pairs."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _angle(raw: Any, index: int) -> float:  # noqa: ANN401
    import pypdfium2.raw as pdfium

    angle = float(pdfium.FPDFText_GetCharAngle(raw, index))
    return angle if angle > 0.01 else 0.0


def _box(raw: Any, index: int, angle: float) -> tuple[float, float, float, float]:  # noqa: ANN401
    """Return left, right, bottom and top of a character in points, turned so that its line runs to the right."""
    import pypdfium2.raw as pdfium

    box = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(raw, index, box)
    if not angle:
        return box.left, box.right, box.bottom, box.top
    cos, sin = math.cos(-angle), math.sin(-angle)
    corners = [(x * cos - y * sin, x * sin + y * cos) for x in (box.left, box.right) for y in (box.bottom, box.top)]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), max(xs), min(ys), max(ys)


def _font(raw: Any, index: int) -> str:  # noqa: ANN401
    import pypdfium2.raw as pdfium

    name = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(raw, index, name, 128, flags)
    return name.value.decode("utf-8", "replace")
