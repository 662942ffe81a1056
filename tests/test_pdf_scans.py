"""PDF files that need more than reading: a password, or eyes."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import ReadError
from index.readers import ocr
from index.types import Document
from tests.files import column, locked, merged, pdf, scan
from tests.reading import unpacked, written

SEEN = ["The committee met on Tuesday to discuss", "the report. It adjourned without a vote."]
OTHER = ["Prices rose by four per cent in March", "after a mild winter, the office said."]
PAGES = pdf([column(SEEN, size=14), column(OTHER, size=14)])

needs_recognition = pytest.mark.skipif(
    not ocr.is_available(),
    reason="TEXT RECOGNITION IS NOT TESTED: tesserocr or Debian's tesseract-ocr is not installed",
)


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without text recognition."""
    monkeypatch.setattr(ocr, "is_available", lambda: False)


def test_a_password_opens_a_pdf(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(locked(PAGES, b"sesame"))
    assert unpacked(path) == {"": "a.pdf is encrypted with a password."}
    assert unpacked(path, "guess") == {"": "a.pdf is encrypted with a password other than the one given."}
    found = unpacked(path, "sesame")[""]
    assert isinstance(found, Document)
    assert found.text.startswith("The committee met on Tuesday to discuss the report.")


@pytest.mark.usefixtures("blind")
def test_scans_are_told_with_what_reads_them(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as caught:
        written(tmp_path, "a.pdf", scan(PAGES, [1, 2, 0]))
    assert caught.value.problem == "a.pdf has no text layer: 2 of 3 pages are scans."
    assert caught.value.remedy.startswith("Install text recognition (pip install 'citechat[ocr]' and apt-get install")


@pytest.mark.usefixtures("blind")
def test_of_a_document_in_parts_the_scans_are_told(tmp_path: Path) -> None:
    document = written(tmp_path, "a.pdf", merged(PAGES, scan(PAGES, [1, 0])))
    assert document.text == f"{' '.join(SEEN)}\n\n{' '.join(OTHER)}"
    assert document.metadata["pages_without_text"] == "3, 4"
    assert document.metadata["unread"].startswith("1 of 4 pages are scans. Install text recognition")


def test_a_page_without_anything_is_no_scan(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="has no text layer, and no picture of text"):
        written(tmp_path, "a.pdf", scan(PAGES, [0, 0]))


@needs_recognition
def test_scans_are_read_page_by_page(tmp_path: Path) -> None:
    document = written(tmp_path, "a.pdf", scan(PAGES, [1, 0, 2]))
    assert document.text == f"{' '.join(SEEN)}\n\n{' '.join(OTHER)}"
    assert document.page_of(document.text.index("Prices")) == 3
    assert document.metadata == {"pages_recognised": "1, 3", "pages_without_text": "2", "format": "pdf"}


@needs_recognition
def test_scans_are_read_in_the_child_that_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(scan(PAGES, [2]))
    found = unpacked(path)[""]
    assert isinstance(found, Document)
    assert found.text == " ".join(OTHER)


@needs_recognition
def test_a_picture_without_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"1 of 1 pages are scans\. No text was recognised"):
        written(tmp_path, "a.pdf", scan(pdf([[(72, 700, 200, "—")]]), [1]))
