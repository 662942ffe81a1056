"""Form values, comments and attached files of a PDF."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest

from index.errors import ReadError
from index.readers import pdf
from index.readers.options import Options
from index.readers.parsed import RawBlock
from index.readers.pdf_notes import placed
from index.readers.unpack import unpack
from tests.files import noted
from tests.files import pdf as plain

FORM = noted(
    [(72, 700, 11, "Application for leave")],
    [
        "/Subtype /Widget /FT /Tx /T (name) /TU (Your name:) /V (Ada Byron)",
        "/Subtype /Widget /FT /Tx /T (days) /V (12)",
        "/Subtype /Widget /FT /Tx /T (pin) /Ff 8192 /V (4711)",
        "/Subtype /Widget /FT /Tx /T (empty)",
        "/Subtype /Widget /FT /Btn /T (paid) /V /Yes /AS /Yes",
        "/Subtype /Widget /FT /Btn /T (unpaid) /V /Off /AS /Off",
        "/Subtype /Widget /FT /Tx /T (secret) /F 2 /V (hidden from readers)",
    ],
)
COMMENTED = noted(
    [(72, 700, 11, "The bridge opens in May.")],
    [
        "/Subtype /Text /T (Grace) /Contents (Not before June. The steel is late.)",
        "/Subtype /Highlight /Contents (Check this)",
        "/Subtype /Popup /Contents (drawn with another)",
        "/Subtype /Link /Contents (to a page)",
        "/Subtype /FileAttachment /Contents (logo.png)",
        "/Subtype /Text /T (Nobody) /Contents ()",
    ],
)


def lines(data: bytes) -> list[str]:
    return [raw.text for raw in pdf.parse(data).blocks]


def test_what_is_filled_in_is_read_after_the_text_of_the_page() -> None:
    assert lines(FORM) == ["Application for leave", "Your name: Ada Byron", "days: 12", "paid: Yes"]


def test_comments_are_told_from_the_text_and_keep_their_author() -> None:
    blocks = pdf.parse(COMMENTED).blocks
    assert [(raw.kind, raw.text) for raw in blocks[1:]] == [
        ("row", "Comment by Grace: Not before June. The steel is late."),
        ("row", "Comment: Check this"),
    ]


def test_a_form_without_other_text_is_read() -> None:
    assert lines(noted([], ["/Subtype /Widget /FT /Tx /T (name) /V (Ada)"])) == ["name: Ada"]


def test_notes_do_not_interrupt_a_paragraph_that_the_next_page_goes_on_with() -> None:
    text = [
        RawBlock("paragraph", "It goes", page=1),
        RawBlock("paragraph", "on.", page=2, glue=" "),
        RawBlock("paragraph", "Then more.", page=2),
    ]
    notes = [RawBlock("row", f"Comment: {number}", page=number) for number in (1, 2, 4)]
    assert [(raw.text, raw.page) for raw in placed(text, notes)] == [
        ("It goes", 1),
        ("on.", 2),
        ("Comment: 1", 2),
        ("Then more.", 2),
        ("Comment: 2", 2),
        ("Comment: 4", 4),
    ]


def with_attachments(tmp_path: Path, **files: bytes) -> Path:
    document = pypdfium2.PdfDocument(plain([[(72, 700, 11, "See the attached plan.")]]))
    for name, data in files.items():
        document.new_attachment(name.replace("__", "/").replace("_", ".")).set_data(data)
    document.save(tmp_path / "letter.pdf")
    document.close()
    return tmp_path / "letter.pdf"


def test_attached_files_are_documents_of_their_own(tmp_path: Path) -> None:
    plan = b"The plan is to build a bridge."
    path = with_attachments(tmp_path, plan_txt=plan, photo_png=b"\x89PNG", bad_pdf=b"%PDF-1.4 ")
    found = {piece.member: piece for piece in unpack(path, "letter.pdf", Options())}
    assert found.keys() == {"", "plan.txt", "bad.pdf"}
    assert found[""].read().text == "See the attached plan."
    attached = found["plan.txt"].read()
    assert (attached.source, attached.text) == ("letter.pdf/plan.txt", plan.decode())
    with pytest.raises(ReadError, match=r"letter\.pdf/bad\.pdf is a damaged PDF"):
        found["bad.pdf"].read()


def test_an_attached_file_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    path = with_attachments(tmp_path, **{"..__..__etc__notes_txt": b"The plan."})
    own, attached = unpack(path, "letter.pdf", Options())
    assert own.read().text == "See the attached plan."
    with pytest.raises(ReadError, match="has a path that leads out of the archive"):
        attached.read()
