"""Pages of PDF as images with the quote marked."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from index.errors import ReadError
from index.readers import read
from index.readers.pdf_page import draw, draw_page
from index.types import Original

HANDBOOK = Path(__file__).parent.parent / "seeds" / "handbook" / "staff-handbook-2025.pdf"


def original(path: Path, location: str = "", data: bytes = b"") -> Original:
    digest = hashlib.sha256(data or path.read_bytes()).hexdigest()
    return Original(digest[:16], path, location or str(path))


def test_every_block_is_found_on_its_page() -> None:
    document, data = read(HANDBOOK, "handbook.pdf"), HANDBOOK.read_bytes()
    for block in document.blocks[::6]:
        text = document.text[block.start : block.end]
        image = draw(data, document.page_of(block.start) or 1, text)
        assert image.marks, text
        for mark in image.marks:
            assert 0 <= mark.x <= mark.x + mark.width <= 1
            assert 0 <= mark.y <= mark.y + mark.height <= 1


def test_a_child_draws_the_page() -> None:
    image = draw_page(original(HANDBOOK), 1, "The entitlement for full-time employees rises to 28 days.")
    assert image.png.startswith(b"\x89PNG")
    assert max(image.width, image.height) <= 2200
    assert len(image.marks) == 1


def test_a_page_of_a_file_in_other_files_is_drawn(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.write(HANDBOOK, "2025/handbook.pdf")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.writestr("first.md", "Not on the way.")
        archive.writestr("inner.zip", inner.getvalue())
    there = "/elsewhere/outer.zip/inner.zip/2025/handbook.pdf"
    wanted = original(tmp_path / "outer.zip", there, HANDBOOK.read_bytes())
    copy = Original(wanted.document_id, (tmp_path / "outer.zip").rename(tmp_path / "copy"), there)
    assert draw_page(copy, 1, "The entitlement for full-time employees rises to 28 days.").marks
    with pytest.raises(ReadError, match="cannot be drawn"):
        draw_page(replace(copy, document_id="0" * 16), 1, "x")


def test_words_that_are_not_on_the_page_are_not_marked() -> None:
    assert draw(HANDBOOK.read_bytes(), 1, "Nothing of the kind stands here.").marks == ()


@pytest.mark.parametrize(("content", "page"), [(b"%PDF-1.7 broken", 1), (HANDBOOK.read_bytes(), 99)])
def test_a_page_that_cannot_be_drawn_is_an_error(tmp_path: Path, content: bytes, page: int) -> None:
    (tmp_path / "x.pdf").write_bytes(content)
    with pytest.raises(ReadError, match="cannot be drawn"):
        draw_page(original(tmp_path / "x.pdf"), page, "x")


def test_a_page_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(ReadError, match="took longer"):
        draw_page(original(HANDBOOK), 1, "x", seconds=0.01)
