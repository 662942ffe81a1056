"""Text recognition: the picture of a page -> its lines, in reading order.

Tesseract does it, inside this process: the child that reads may start no other. It is there where the extra ``ocr`` is
installed and the system has the data of at least one language.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from index.readers.pages import Line

INSTALL = "Install text recognition (pip install 'citechat[ocr]' and apt-get install tesseract-ocr)"

_DATA = (
    *sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True),
    *map(Path, ("/usr/share/tessdata", "/usr/local/share/tessdata", "/opt/homebrew/share/tessdata")),
)
_NO_LANGUAGES = ("osd", "equ")
_MOST_LANGUAGES = 4
_DOTS_PER_INCH = 300
_MOST_PIXELS = 25_000_000
_LEAST_CONFIDENCE = 40
_SAME_SIZE = 0.3


@lru_cache(maxsize=1)
def is_available() -> bool:
    """Tell whether text can be recognised here."""
    try:
        import tesserocr  # noqa: F401
    except ImportError:
        return False
    return bool(_languages()[1])


def recognised_lines(page: Any, number: int) -> list[Line]:  # noqa: ANN401  (pypdfium2 has no types)
    """Return the lines of a page of a PDF as they are seen; lines that are mostly guessed are left out."""
    width, height = page.get_size()
    scale = min(_DOTS_PER_INCH / 72, (_MOST_PIXELS / max(1.0, width * height)) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=True)
    try:
        lines = list(_seen(bitmap, scale, height, number))
    finally:
        bitmap.close()
    usual = median(line.size for line in lines) if lines else 0.0
    return [_with_size(line, usual) for line in lines]


def _seen(bitmap: Any, scale: float, height: float, number: int) -> Iterator[Line]:  # noqa: ANN401
    from tesserocr import RIL, iterate_level

    recogniser = _recogniser()
    recogniser.SetImageBytes(bytes(bitmap.buffer), bitmap.width, bitmap.height, 1, bitmap.stride)
    recogniser.SetSourceResolution(round(scale * 72))
    recogniser.Recognize()
    found = recogniser.GetIterator()
    if found is None:
        return
    for line in iterate_level(found, RIL.TEXTLINE):
        if line.Empty(RIL.TEXTLINE) or line.Confidence(RIL.TEXTLINE) < _LEAST_CONFIDENCE:
            continue
        text = line.GetUTF8Text(RIL.TEXTLINE).strip()
        left, top, right, bottom = line.BoundingBox(RIL.TEXTLINE)
        if text:
            cells = ((left / scale, right / scale, text),)
            yield Line(number, cells, height - bottom / scale, (bottom - top) / scale, bold=False)
    recogniser.Clear()


def _with_size(line: Line, usual: float) -> Line:
    """Return ``line`` with the usual size if it has about that: letters with and without strokes up and down vary."""
    size = usual if abs(line.size - usual) < _SAME_SIZE * usual else line.size
    return Line(line.page, line.cells, line.baseline, round(size, 1), line.bold)


@lru_cache(maxsize=1)
def _recogniser() -> Any:  # noqa: ANN401  (tesserocr has no types)
    from tesserocr import PSM, PyTessBaseAPI

    folder, languages = _languages()
    return PyTessBaseAPI(path=f"{folder}/", lang="+".join(languages), psm=PSM.AUTO)


def _languages() -> tuple[Path, list[str]]:
    """Return the folder of Tesseract's data and the languages in it, English first; no language if there is none."""
    for folder in _DATA:
        names = {path.stem for path in folder.glob("*.traineddata")} - {*_NO_LANGUAGES}
        if names:
            return folder, sorted(names, key=lambda name: (name != "eng", name))[:_MOST_LANGUAGES]
    return Path(), []
